/* What the templates of lowering share: the kernel's operands as buffers, the index of each axis of
 * its domain, and the expressions of its members at the current element. */
#ifndef NNC_LOWER_CONTEXT_H
#define NNC_LOWER_CONTEXT_H
#include "kernel/kernel.h"
#include "lower/lower.h"

/* A node's value here. */
typedef struct Binding {
    const Node *node;
    LoopExpr *value;
} Binding;
typedef VEC(Binding) Bindings;

typedef struct Lower {
    LoopBuilder b;
    const Target *target;
    const EntryPlan *entry;
    const Kernel *k;
    VEC(const Value *) values; /* operands and results in the order of the formal buffers */
    VEC(Buffer *) buffers;
    Var *count; /* formal; NULL if the function needs none */
    LoopExpr
        *axis[MAX_RANK]; /* index of each axis of the domain; of the lane axis: of its first lane */
    int lane_axis;       /* axis of the domain along the lanes, or -1: scalars */
    int active;          /* lanes in use: the width, or fewer in a tail */
    LoopStmts *tail;     /* the block of the tail at hand ... */
    LoopExpr *mask;      /* ... and which lanes it uses, once asked for */
    Bindings bound;      /* the innermost scope's last */
    int *uses;           /* by place of a member: readers inside the kernel */
} Lower;

/* Inlined scalars (1 / count) are computed once, in front of the loops. */
void lower_uniforms(Lower *l);
void lower_begin(Lower *l, Arena *arena, Program *program, const EntryPlan *entry, const Kernel *k);
Buffer *lower_buffer(Lower *l, const Value *value);
/* Whether rows of the value are ours, so that what lies behind them may be read and written. */
bool lower_pads(const Value *value);
LoopExpr *lower_count(Lower *l); /* the formal `count`, made on first use */
LoopExpr *lower_extent(Lower *l, Type type,
                       int axis); /* a number, or count * inner for the batch axis */

/* The value of a member, an inline leaf or an operand in memory, at the current index. `label[i]`
 * is the axis of the domain along which axis i of `input` runs. */
LoopExpr *lower_input(Lower *l, const Node *input, const int *label);
LoopExpr *lower_member(Lower *l, const Node *node);
/* An operation on operations under a name of its own: that of the node whose value it is (NULL:
 * none), or the operation's. */
LoopExpr *lower_named(Lower *l, LoopExpr *x, const Node *node);
void lower_bind(Lower *l, const Node *node, LoopExpr *value);
LoopExpr *lower_bound(const Lower *l, const Node *node); /* or NULL */
int lower_uses(const Lower *l, const Node *member);
/* A constant of an element type. */
LoopExpr *lower_number(Lower *l, DType dtype, double value, bool vector);
int lower_mark(const Lower *l);        /* opens a scope of bindings ... */
void lower_forget(Lower *l, int mark); /* ... and ends it */

LoopExpr *lower_load(Lower *l, const View *view, const int *label, Type type);
void lower_store(Lower *l, const Value *value, const int *label,
                 LoopExpr *x); /* at the current index */
void lower_result(Lower *l, const Value *value); /* of a member, at the current index */
LoopExpr *lower_address(Lower *l, int64_t offset, const int64_t *stride, const int *label,
                        Type type);
int64_t lower_lane_stride(const Lower *l, const int64_t *stride, const int *label, Type type);
LoopExpr *lower_formula(Lower *l, const char *formula, LoopExpr *const bound[5], bool vector);

void lower_clear(Lower *l, const Value *value); /* zeros over all that it occupies */
/* `floats` zeros from element `at` on. */
void lower_clear_run(Lower *l, Buffer *buffer, LoopExpr *at, int64_t floats);

/* Whether what follows the anchor at each element is so much that it is a loop over the tile rather
 * than text for each accumulator. */
bool lower_epilogue_is_long(const Lower *l);

/* Loops over an axis of the domain; nested until ended. */
void lower_loop(Lower *l, int axis);
void lower_loop_to(Lower *l, int axis, LoopExpr *end);
const char *lower_axis_name(const Lower *l, int axis);

void lower_halos(Lower *l); /* the zeros around the kernel's results */
void lower_rows(Lower *l);
void lower_contract(Lower *l);
void lower_window(Lower *l);
void lower_transform(Lower *l);
void lower_random(Lower *l);
void lower_copy(Lower *l);
void lower_join(Lower *l);
void lower_put(Lower *l);
void lower_gather(Lower *l);
void lower_scatter(Lower *l);
void lower_check(Lower *l);
#endif
