/* The passes over a module's graphs, in the order of the one list in passes/pipeline.c. Each is one file. */
#ifndef NNC_PASSES_PASS_H
#define NNC_PASSES_PASS_H
#include "ir/graph.h"

/* Appends the backward pass to a train (or backward) graph: gradient outputs for all trainable parameters.
 * loss: the OUT_LOSS node; for a model without loss, d_outputs are extra inputs. Unused gradients come out as zero fills. */
void pass_differentiate(Module *module, Graph *graph);
void pass_simplify(Module *module, Graph *graph);    /* algebra, constant folding, view composition, common subexpressions */
void pass_drop_dead(Module *module, Graph *graph);

typedef struct Pass { const char *name; void (*run)(Module *module, Graph *graph); bool train_only; } Pass;
extern const Pass passes[];                          /* ends with a NULL name */
#endif
