/* What can be had for less. The rules stand here, with the operations; passes/simplify.c walks
 * the graph. */
#ifndef NNC_OPS_REWRITE_H
#define NNC_OPS_REWRITE_H
#include "ops/op.h"

typedef struct RewriteRule RewriteRule;

/* Every node that a rule appends is passed through `settle`, which may put another in its place. */
typedef struct Rewriter {
    Graph *graph;
    const RewriteRule *rules;
    int rule_count;
    Node *(*settle)(void *context, Node *node);
    void *context;
} Rewriter;

Rewriter rewriter_new(Graph *graph, Node *(*settle)(void *context, Node *node), void *context);
/* NULL, or a value equal to the node's and of its type: constants folded, views composed,
 * algebra of rewrites.def. */
Node *rewrite_node(const Rewriter *r, const Node *node);
/* The same of a sum or difference of products that share factors (factor.c). */
Node *rewrite_common_factor(const Rewriter *r, const Node *node);
#endif
