/* SPDX-License-Identifier: 0BSD
 * nn_model.h - what every generated file says of itself: one structure of data and functions.
 *
 * nnc copies this file, unchanged, to the head of each generated header (under its own guard), so
 * generated code needs no file of ours, and the runtime and any generic code see the same types.
 * C11 and C++17. */
#ifndef NN_MODEL_ABI
#define NN_MODEL_ABI 1
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(_MSC_VER)
#define NN_RESTRICT __restrict
#else
#define NN_RESTRICT
#endif

/* Status codes of generated functions. */
enum {
    NN_OK = 0,
    NN_BAD_COUNT = 1,        /* count outside 1..batch; nothing was written */
    NN_BAD_INDEX = 2,        /* a label or token outside its range; nothing was written */
    NN_BAD_TENSOR = 3,       /* no tensor of that number, or a size that does not match */
    NN_BAD_ARGUMENT = 4      /* a required pointer is NULL */
};

static inline const char *nn_status_text(int status)
{
    switch (status) {
    case NN_OK: return "ok";
    case NN_BAD_COUNT: return "count is outside 1..batch";
    case NN_BAD_INDEX: return "an index is outside its range";
    case NN_BAD_TENSOR: return "no such tensor, or its size differs";
    case NN_BAD_ARGUMENT: return "a required pointer is NULL";
    default: return "unknown status";
    }
}

enum { NN_F32 = 0, NN_I32 = 1, NN_U8 = 2 };
enum { NN_MAX_RANK = 8 };

/* An input, target or output of an entry. dims[0] of a batched tensor is the compiled batch. */
typedef struct nn_io {
    const char *name;
    int dtype;               /* NN_F32, ... */
    int rank;
    int64_t dims[NN_MAX_RANK];
    int batched;             /* 1 if axis 0 is the batch axis: rows >= count may hold anything */
    int64_t limit;           /* values must lie in [0, limit); 0: no such limit */
} nn_io;

/* A parameter (or a state) and its place. The logical tensor is row-major with dims[]; element (i0,
 * i1, ...) is stored at offset + i0*stride[0] + i1*stride[1] + ... floats. The tensor occupies
 * `floats`, padding included: padding is zero and stays zero under any elementwise optimiser that
 * maps (0, 0) to 0. */
typedef struct nn_tensor {
    const char *name;        /* "fc1.weight", as in files */
    int rank;
    int64_t dims[NN_MAX_RANK];
    int64_t stride[NN_MAX_RANK];
    int64_t offset, floats;
    int trainable;           /* 0: no gradient, no step */
    int decay;               /* 1: weight decay applies */
} nn_tensor;

/* Uniform call: pointers in the order of the entry's tables. All pointers are owned by the caller.
 * inputs: nn_entry.inputs (targets included); outputs: nn_entry.outputs (NULL: not wanted).
 * metrics: two floats each, (sum, weight), nn_entry.metric_count pairs, may be NULL. */
typedef struct nn_call {
    const float *params;     /* [param_floats] */
    float *states;           /* [state_floats]; NULL without states; written by train only */
    void *sessions;          /* [session_bytes]; NULL without sessions */
    const void *const *inputs;
    void *const *outputs;
    int count;               /* valid rows, 1..batch */
    uint64_t seed;           /* of dropout; ignored without */
    float *grads;            /* train: [param_floats], overwritten */
    float *loss;             /* train, evaluate */
    float *metrics;          /* train, evaluate */
    void *workspace;         /* [workspace_bytes] */
    const void *context;     /* that of the entry */
} nn_call;

typedef struct nn_entry {
    const char *name;        /* "infer", "train", "evaluate", "forward", "backward" */
    int64_t batch;
    size_t workspace_bytes;
    int input_count, output_count, metric_count;
    const nn_io *inputs, *outputs;
    const char *const *metrics;      /* names */
    double flops;            /* of one call with count == batch */
    int (*call)(const nn_call *call);
    const void *context;     /* for calls that are no generated code (an interpreter); else NULL */
} nn_entry;

typedef struct nn_model {
    int abi;                 /* NN_MODEL_ABI */
    const char *name;
    const char *target;      /* "avx2" */
    uint64_t hash;           /* of names, shapes and stored order of params and states */
    int64_t param_floats, state_floats;
    size_t session_bytes;
    int param_count, state_count, entry_count;
    const nn_tensor *params, *states;
    const nn_entry *entries;
    void (*init)(float *params, uint64_t seed);
    void (*init_states)(float *states);              /* NULL without states */
    /* One tensor between the stored order and the logical, row-major one. */
    int (*get)(const float *params, int tensor, float *out, size_t capacity);
    int (*set)(float *params, int tensor, const float *in, size_t count);
    /* In place of init and init_states for a model that is no generated code; else both NULL. */
    void (*start)(const void *context, float *params, float *states, uint64_t seed);
    const void *context;
} nn_model;
#elif NN_MODEL_ABI != 1
#error "two generated files follow different versions of nn_model: generate them with the same nnc"
#endif
