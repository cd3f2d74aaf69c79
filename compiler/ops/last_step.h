/* Values of the last step of a scan alone. */
#ifndef NNC_OPS_LAST_STEP_H
#define NNC_OPS_LAST_STEP_H
#include "ops/op.h"

/* Whether a node is a slice of the last step of a yield that is a carry, too. */
bool takes_last_step(const Node *node);
/* Such a slice made of the carry in the end instead: appended to the graph of the scan. */
Node *last_step(Graph *graph, const Node *slice);
#endif
