/* SPDX-License-Identifier: MIT
 * nn_step.h - a data pipeline as data: steps with options, and the tables of loaders and
 * transforms they name.
 *
 *     data, validate = csv("diabetes.csv", header = true, x = 0..10, y = 10)
 *                      |> split(0.8, seed = 1) |> standardize;
 *
 * is three nn_step. The first names a row of nn_loaders, the others rows of nn_transforms. A new
 * loader or transform is one file and one row. The compiler reads the same tables to check a
 * program. */
#ifndef NN_STEP_H
#define NN_STEP_H
#include "nn_data.h"
#include "nn_fitted.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of an option's value, as bits so that a specification can allow several. */
enum {
    NN_NUMBER = 1,           /* number */
    NN_TEXT = 2,             /* text: a quoted string */
    NN_WORD = 4,             /* text: a bare word such as true, chars, rest */
    NN_RANGE = 8,            /* number .. last, last not included */
    NN_NUMBERS = 16,         /* numbers[count] */
    NN_TEXTS = 32            /* texts[count] */
};

typedef struct nn_option {
    const char *name;        /* NULL: positional */
    int kind;                /* one of the kinds */
    double number, last;
    const char *text;
    const double *numbers;
    const char *const *texts;
    int count;
} nn_option;

typedef struct nn_step {
    const char *name;
    const nn_option *options;
    int option_count;
} nn_step;

/* What a step takes. name "" is the positional option; "*" stands for each input and target of
 * the model. A table ends with name NULL. */
typedef struct nn_option_spec {
    const char *name;
    int kinds;
    int required;
    const char *help;
} nn_option_spec;

/* A loader written by the user: three functions. open fills count, part_count and the parts
 * (name, dtype, rank and dims of one sample); read writes the values of one sample of one part to
 * out; close releases what open made, and is called exactly once after an open that succeeded.
 * They return NN_OK or report through nn_fail. */
enum { NN_MAX_PARTS = 16 };

typedef struct nn_custom_info {
    int64_t count;
    int part_count;
    struct {
        const char *name;    /* of an input or target; must live until close */
        int dtype, rank;
        int64_t dims[NN_MAX_RANK];
    } parts[NN_MAX_PARTS];
} nn_custom_info;

typedef struct nn_custom {
    const char *name;        /* as in custom("name") */
    int (*open)(void **state, const char *dir, const nn_step *step, nn_custom_info *info,
         nn_error *error);
    int (*read)(void *state, int part, int64_t sample, void *out, nn_error *error);
    void (*close)(void *state);
} nn_custom;

/* What a loader is told. dir is put before relative paths; NULL or "": none. */
typedef struct nn_request {
    const nn_step *step;
    const nn_entry *entry;   /* whose inputs and targets the data is for */
    const char *dir;
    const nn_custom *customs;
    int custom_count;
    nn_fitted *fitted;       /* alphabets and the like */
    int fitting;             /* 1: training, which fits; 0: validation, which reads the fitted */
} nn_request;

typedef struct nn_loader {
    const char *name;
    const nn_option_spec *options;
    int (*load)(const nn_request *request, nn_data **out, nn_error *error);
} nn_loader;

/* What a transform works on. Inputs are the columns it may change; targets are left alone. */
typedef struct nn_parts {
    nn_data *data;           /* replaced, not copied, by transforms that choose rows */
    nn_data *validate;       /* NULL before a split */
    const nn_entry *entry;
    const char *const *targets;  /* NULL-terminated names */
    nn_fitted *fitted;
    int fitting;             /* 1: training, which fits; 0: validation, which reads the fitted */
} nn_parts;

typedef struct nn_transform {
    const char *name;
    const nn_option_spec *options;
    int chooses_rows;        /* 1: runs before the others, so that fitting sees its part only */
    int (*apply)(const nn_step *step, nn_parts *parts, nn_error *error);
} nn_transform;

/* Both end with NULL. */
extern const nn_loader *const nn_loaders[];
extern const nn_transform *const nn_transforms[];

/* NULL where there is none of that name. */
const nn_loader *nn_find_loader(const char *name);
const nn_transform *nn_find_transform(const char *name);

/* Checks names and kinds of all options of a pipeline (a loader, then transforms) before anything
 * is read. names are those of the model's inputs and targets, for options "*"; NULL-terminated. */
int nn_check_steps(const nn_step *steps, int count, const char *const *names, nn_error *error);

/* An option by name (NULL: the positional one); NULL where it is not given. */
const nn_option *nn_find_option(const nn_step *step, const char *name);

/* Its number or truth value, or the default where it is not given. */
double nn_option_number(const nn_step *step, const char *name, double otherwise);
int nn_option_flag(const nn_step *step, const char *name, int otherwise);

/* 1 where name is in the NULL-terminated list; a NULL list is empty. */
int nn_is_named(const char *const *names, const char *name);

#ifdef __cplusplus
}
#endif
#endif
