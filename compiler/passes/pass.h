/* The passes over a module's graphs, in the order of the one list in passes/pipeline.c. Each is
 * one file. */
#ifndef NNC_PASSES_PASS_H
#define NNC_PASSES_PASS_H
#include "ir/graph.h"

/* The last step of a scan's yield that is a carry, too, is the carry in the end. */
void pass_last_step(Module *module, Graph *graph);
/* Appends the backward pass to a train entry: outputs OUT_GRAD for all trainable parameters, in
 * their order, of the OUT_LOSS node. An entry without a loss gets inputs d_<output> (which no
 * declaration stands for), and its outputs become OUT_GRAD and OUT_INPUT_GRAD (param: place in
 * the list of inputs) alone. Unused gradients come out as zero fills. */
void pass_differentiate(Module *module, Graph *graph);
/* Algebra, constant folding, view composition; equal nodes made one. */
void pass_simplify(Module *module, Graph *graph);
void pass_drop_dead(Module *module, Graph *graph);
/* Duplicates forward nodes for their backward uses, so that only a cheapest set of values is
 * kept between (decision 9); with Module.share so that less memory is taken at once. After
 * simplify, which would make the duplicates one again. */
void pass_recompute(Module *module, Graph *graph);

/* Sets forward[id] for the nodes of an entry that compute its outputs, as against its gradients;
 * without a loss, for what must be there before gradients come back. */
void graph_mark_forward(const Graph *graph, bool *forward);
/* Whether computing a value again costs no more than reading what it is computed from: maps,
 * views and random draws. */
bool op_is_repeatable(const Node *node);

/* Another form of every entry infer: infer_prepared, and infer_32_prepared of infer_32. */
void module_add_prepared(Module *module);
bool graph_is_prepared(const Graph *graph);
/* Sets early[id] for the parameters and states and what is computed of them and constants alone;
 * not for outputs. */
void graph_mark_early(const Graph *graph, bool *early);
/* In a prepared form: scales that are early are moved into early factors of the products in front
 * of them (ops/fold.h). */
void pass_fold(Module *module, Graph *graph);

/* Sets exact[id] for values that are compared with their own reduction, as where equals share the
 * gradient of a maximum. They are computed once and kept: the same formula in another kernel may
 * round otherwise, and then nothing would equal the largest. */
void graph_mark_exact(const Graph *graph, bool *exact);

/* Scans of sequences that do not fit a cache go by chunks, with the products that make the
 * sequences and those that sum up what is yielded. After recompute. */
void pass_chunk(Module *module, Graph *graph);

/* New values of states and carries that are old values of others are copied first. Last, because
 * simplify would undo it. */
void pass_separate(Module *module, Graph *graph);

typedef struct Pass {
    const char *name;
    void (*run)(Module *module, Graph *graph);
    bool (*applies)(const Graph *graph); /* to which entries; NULL: all */
} Pass;
extern const Pass passes[];                          /* ends with a NULL name */

typedef struct PassOptions {
    bool verify;                     /* check the module before the first pass and after each */
    const char *last;                /* stop after this pass; NULL: all of them */
    const char *dump_after;          /* print the module to `dump` after this pass; or NULL */
    Text *dump;
} PassOptions;

/* All passes over all entries. NULL, or what the verifier found and after which pass: a bug of
 * the compiler. */
const char *passes_run(Module *module, const PassOptions *options);
#endif
