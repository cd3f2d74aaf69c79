/* The end of the pipe: NAME.h, NAME.c and NAME_main.c from a plan and its loops.
 *
 *   names.c       identifiers, each used once          header.c      NAME.h
 *   source.c      NAME.c: banner and order of parts    entry.c       calls of the kernels
 *   locals.c      the pointers they pass               adapter.c     the same as uniform calls
 *   tables.c      tensors, init, get, set              descriptor.c  nn_model, NAME_select
 *   optimizer.c   NAME_step                            main_file.c   NAME_main.c
 *   formula.c     what an entry computes, in a line    weights.c     NAME_weights.c
 *   overview.c    kernels and memory map as comments   threads.c     who runs parts of kernels
 *   repeat.c      calls of equal layers as a loop      takes.c       what entries take
 *   text.c        literals, templates                  clear.c       what they set to zero
 *   templates/    text that needs no more than the model's name */
#ifndef NNC_EMIT_EMIT_H
#define NNC_EMIT_EMIT_H
#include "base/wrap.h"
#include "lower/lower.h"

typedef struct EmitOptions {
    const char *name;              /* prefix of every identifier, and of the files */
    const char *command;           /* for the banner: "nnc mnist_mlp.nn --target=avx2" */
    int optimizer;                 /* also emit NAME_step: an OptimizerKind; -1: no */
    int threads;                   /* kernels in parts for that many; 0: whole */
    const struct Weights *weights; /* declare the tables of NAME_weights.c; NULL: none */
} EmitOptions;

/* C identifiers of an entry, unique among each other. */
typedef struct EntryNames {
    const char **inputs;   /* by graph->inputs */
    const char **outputs;  /* by graph->outputs; NULL for what is no buffer of its own */
    const char **values;   /* by entry->values: the local pointer; a table for AT_CONST */
    const EntryPlan *plan; /* the entry, or the body of a scan in one */
    const char *step;      /* of a body: the place in the sequences */
    const char *sample;    /* of an entry: the sample at hand, where kernels run by samples */
} EntryNames;
typedef VEC(EntryNames) EntryNamesList;

/* One compilation, ready to print. */
typedef struct Emission {
    Arena *arena;
    const Module *module;
    const Plan *plan;
    Lowered *const *lowered; /* one program a target, the most portable last */
    int target_count;
    EmitOptions options;
    const char *upper;     /* the name in capitals */
    const char **tensors;  /* by parameter: "FC1_WEIGHT" */
    const char **sessions; /* by session: "h_0_attn_keys", a member of NAME_session */
    EntryNamesList names;  /* of each entry, and behind it of the bodies of its scans */
} Emission;

/* Chooses all names. Kernels whose names the file needs for itself are renamed, so a lowered
 * program belongs to one emission. */
Emission emission_new(Arena *arena, const Plan *plan, Lowered *const *lowered, int target_count,
                      const EmitOptions *options);

void emit_header(Text *out, const Emission *e);
void emit_source(Text *out, const Emission *e);
/* Requires module->train. */
void emit_main(Text *out, const Emission *e);

/* ---- names.c ---- */
const char *emit_identifier(Arena *arena, const char *name); /* no keyword of C or C++ */
const char *emit_suffix(const Emission *e, int target);      /* "", or "_avx2" among several */
/* #if and #endif around what only that architecture compiles; nothing for a single target. */
void emit_guard_begin(Text *out, const Emission *e, int target);
void emit_guard_end(Text *out, const Emission *e, int target);
const char *emit_c_type(DType dtype);
/* "MNIST_MLP_TRAIN_BATCH" */
const char *emit_entry_constant(const Emission *e, const EntryPlan *entry, const char *what);
/* "MNIST_MLP_PREPARED_FLOATS", of an entry that makes or reads a prepared form, and the name of
 * its buffer there. */
const char *emit_prepared_constant(const Emission *e, const EntryPlan *entry);
const char *emit_prepared_name(const Emission *e, const EntryPlan *entry);
const EntryNames *emit_entry_names(const Emission *e, const EntryPlan *entry);
const char *emit_value_name(const Emission *e, const EntryPlan *entry, const Value *value);
void emit_shape(Text *out, Type type); /* "[128][784]"; "[1]" of a scalar */

/* ---- entries: takes.c, clear.c, entry.c, locals.c, adapter.c ---- */
/* Of more calls than a reader wants one by one: what repeats is told once. */
enum { EMIT_LONG = 64 };
bool emit_is_long(const LoweredEntry *entry);
bool emit_has(const Graph *graph, OutputKind kind);
int emit_count(const Graph *graph, OutputKind kind);
bool emit_takes_args(const Graph *graph);    /* a structure of arguments, else positional ones */
bool emit_takes_seed(const Graph *graph);    /* it draws random numbers */
bool emit_takes_session(const Graph *graph); /* it keeps something from call to call */
bool emit_takes_count(const Graph *graph);   /* the number of valid rows is an argument */
bool emit_is_tensor(OutputKind kind);        /* a buffer of the caller */
bool emit_clears(const Emission *e);         /* entries call NAME_clear_rows */
/* "int mnist_mlp_infer(const float *params, ...)" and `end`, broken into lines. */
char *emit_signature(const Emission *e, const EntryPlan *entry, const char *suffix,
                     const char *end);
/* Tests every pointer that must not be NULL, and the count, before anything is written. */
void emit_check_arguments(Text *out, const Emission *e, const EntryPlan *entry);
/* Padding of gradients, and gradients of what is not trained; named: by the entry's pointers. */
void emit_clear_gradients(Text *out, const Emission *e, const EntryPlan *entry, bool named);
void emit_clear_rows_beyond(Text *out, const Emission *e, const EntryPlan *entry);
void emit_entries(Text *out, const Emission *e, int target);
void emit_adapters(Text *out, const Emission *e, int target);
/* The local pointer to a value, at the given indent; nothing for what is an argument already, or a
 * table. */
void emit_local(Text *out, const Emission *e, const EntryPlan *entry, const Value *v, int indent);
/* One of several at places of the same array, which lies `at` (" + 64") behind its start. */
void emit_local_at(Text *out, const Emission *e, const EntryPlan *entry, const Value *v,
                   const char *name, const char *at, int indent);
/* In the body of a scan: the same at every step, so the pointer outside serves. */
bool emit_is_outside(const Value *v);
/* The counter of the steps of a scan's body. */
const char *emit_step_name(const Emission *e, const EntryPlan *body);
/* ---- threads.c; nothing for one thread ---- */
void emit_threads(Text *out, const Emission *e,
                  const char *body); /* what body, the kernels, calls */
void emit_threads_local(Text *out, const Emission *e, const LoweredEntry *entry);
void emit_constants(Text *out, const Emission *e); /* tables that entries read */

/* ---- the rest ---- */
void emit_overview(Text *out, const Emission *e); /* within a comment */
void emit_tables(Text *out, const Emission *e);
void emit_descriptors(Text *out, const Emission *e);
void emit_optimizer_header(Text *out, const Emission *e);
void emit_optimizer(Text *out, const Emission *e);
/* "logits[1][10] = fc2(relu(fc1(image[1][784])))", or NULL where that is too long to help. */
char *emit_formula(Arena *arena, const Graph *graph);

/* ---- text (text.c) ---- */
/* An embedded file of templates/, with model_ and MODEL_ in front of words replaced by the name. */
void emit_template(Text *out, const Emission *e, const char *file);
void emit_banner(Text *out, const Emission *e, const char *ending); /* opens a file's comment */
/* A C constant of type float, infinities included. */
void emit_float(Text *out, float value);
/* A C string literal. */
void emit_string(Text *out, const char *text);
#endif
