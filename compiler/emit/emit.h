/* The end of the pipe: NAME.h, NAME.c and NAME_main.c from a plan and its loops. */
#ifndef NNC_EMIT_EMIT_H
#define NNC_EMIT_EMIT_H
#include "lower/lower.h"

typedef struct EmitOptions {
    const char *name;                /* prefix of every identifier, and of the files */
    const char *command;             /* for the banner: "nnc mnist_mlp.nn --target=avx2" */
    int optimizer;                   /* also emit NAME_step: an OptimizerKind; -1: no */
} EmitOptions;

/* One compilation, ready to print. lowered holds one program a target, the most portable last. */
typedef struct Emission {
    Arena *arena;
    const Module *module;
    const Plan *plan;
    Lowered *const *lowered;
    int target_count;
    EmitOptions options;
} Emission;

void emit_header(Text *out, const Emission *e);              /* header.c */
void emit_source(Text *out, const Emission *e);              /* source.c */
void emit_main(Text *out, const Emission *e);                /* main_file.c: needs a train block */

/* ---- shared by the parts ---- */
char *emit_upper(Arena *arena, const char *name);            /* "fc1.weight" -> "FC1_WEIGHT" */
const char *emit_identifier(Arena *arena, const char *name); /* a C identifier that is no keyword of C or C++ */
const char *emit_suffix(const Emission *e, int target);      /* "", or "_avx2" where the file holds several */
void emit_shape(Text *out, Type type);                       /* "[128][784]" */
bool emit_has_loss(const Graph *graph);                      /* such an entry takes an argument structure */
bool emit_is_tensor(OutputKind kind);                       /* a buffer of the caller */
bool emit_has(const Graph *graph, OutputKind kind);
const char *emit_c_type(DType dtype);

void emit_entries(Text *out, const Emission *e, int target); /* entry.c: the functions that call the kernels */
void emit_portable_entries(Text *out, const Emission *e);    /* with several targets the public ones call the last */
void emit_tables(Text *out, const Emission *e);              /* tables.c: tensors, init, get, set */
void emit_descriptors(Text *out, const Emission *e);         /* descriptor.c: struct nn_model and NAME_select */
void emit_optimizer_header(Text *out, const Emission *e);    /* optimizer.c */
void emit_optimizer(Text *out, const Emission *e);
/* The signature of an entry's public function: "int mnist_mlp_infer(const float *params, ...)". */
char *emit_signature(const Emission *e, const EntryPlan *entry, const char *suffix);
#endif
