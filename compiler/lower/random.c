/* Random numbers: each element is a function of the seed, the draw's place in the program and the
 * element's logical index, whatever the order in memory. */
#include "lower/context.h"

void lower_random(Lower *l)
{
    const Node *node = l->k->anchor;
    const Value *to = l->k->results.at[0];
    LoopBuilder *b = &l->b;
    int64_t stride[MAX_RANK];
    int open = 0;
    LoopExpr *element = x_int(b, 0), *at = x_int(b, to->origin);
    Var *seed = loop_scalar(b, "seed", LT_SEED);
    type_strides(node->type, stride);
    for (int axis = 0; axis < node->type.rank; axis++) {
        if (node->type.dim[axis] == 1) continue;
        lower_loop(l, axis);
        element = x_add(b, element, x_mul(b, l->axis[axis], stride[axis]));
        at = x_add(b, at, x_mul(b, l->axis[axis], to->stride[axis]));
        open++;
    }
    LoopExpr *place = x_i32(b, node->attr[0].ints[0], false);
    loop_store(b, lower_buffer(l, to), at, x_random(b, seed, place, element));
    while (open--) loop_end(b);
}
