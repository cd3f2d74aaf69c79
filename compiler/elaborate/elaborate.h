/* Elaboration: from the syntax tree to a Module. Blocks are expanded, loops and conditions run,
 * names resolved, every shape becomes a number. Every entry is elaborated by itself. */
#ifndef NNC_ELABORATE_ELABORATE_H
#define NNC_ELABORATE_ELABORATE_H
#include "ast/ast.h"
#include "ir/graph.h"

typedef struct ElaborateOptions {
    const char *model;               /* which of several models; NULL: the only one */
    const char *const *sets;         /* "train.batch=4", "infer.batch=8", "width=256" */
    int set_count;
    const int64_t *infer_batches;    /* one infer entry each; none: what the program says, else 1 */
    int infer_batch_count;
    int64_t train_batch;             /* of train and evaluate; 0: what the program says */
    bool deterministic;              /* `stochastic` is false: nothing is dropped */
    const char *const *search;       /* directories for `use`, after that of the importing file */
    int search_count;
} ElaborateOptions;

/* Requires a file that parsed without errors, options may be NULL. NULL after errors.
 *
 * Entries: infer (a further batch size b is called infer_b), and with a loss train and evaluate,
 * else forward and backward (both the forward pass in training mode: differentiation is a pass).
 * Graphs hold what their outputs need, and every input. Outputs come in the order: outputs, loss,
 * metrics, states, sessions. evaluate has no model outputs. */
Module *elaborate(Arena *arena, AstFile *file, const ElaborateOptions *options, Diags *diags);
#endif
