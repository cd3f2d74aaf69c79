/* Rows by index: gather, its gradient scatter, and the check that comes before anything is written.
 */
#include "lower/context.h"
#include "nn_model.h"
#include "lower/reduction.h"

static const int same_axes[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};

/* ---- gather and scatter ---- */

typedef struct Rows {
    Lower *l;
    View table, rows; /* one row a table entry; one row an index */
    Type row_type;    /* of the many rows: index axes, then the axes of a row */
    int index_rank;
    LoopExpr *entry; /* the table's row, as an index */
} Rows;

static LoopExpr *table_address(const Rows *r)
{
    Lower *l = r->l;
    LoopExpr *at =
        x_add(&l->b, x_int(&l->b, r->table.offset), x_mul(&l->b, r->entry, r->table.stride[0]));
    for (int i = r->index_rank; i < r->row_type.rank; i++)
        if (r->row_type.dim[i] != 1)
            at = x_add(&l->b, at, x_mul(&l->b, l->axis[i], r->table.stride[i - r->index_rank + 1]));
    return at;
}

static bool along_lanes(const Lower *l) { return l->lane_axis >= 0 && l->target->width > 1; }

static LoopExpr *load_at(Lower *l, const Value *value, LoopExpr *at)
{
    Buffer *buffer = lower_buffer(l, value);
    return along_lanes(l) ? x_vload(&l->b, buffer, at, l->active) : x_load(&l->b, buffer, at);
}

static void store_at(Lower *l, const Value *value, LoopExpr *at, LoopExpr *x)
{
    Buffer *buffer = lower_buffer(l, value);
    if (along_lanes(l)) loop_vstore(&l->b, buffer, at, x, l->active);
    else loop_store(&l->b, buffer, at, x);
}

static void gather_element(void *context)
{
    const Rows *r = context;
    Lower *l = r->l;
    LoopExpr *to = lower_address(l, r->rows.offset, r->rows.stride, same_axes, r->row_type);
    store_at(l, r->rows.value, to, load_at(l, r->table.value, table_address(r)));
}

static void scatter_element(void *context)
{
    const Rows *r = context;
    Lower *l = r->l;
    LoopExpr *to = table_address(r);
    LoopExpr *from = lower_address(l, r->rows.offset, r->rows.stride, same_axes, r->row_type);
    LoopExpr *sum =
        x_map(&l->b, OP_add, 2,
              (LoopExpr *[]){load_at(l, r->table.value, to), load_at(l, r->rows.value, from)});
    store_at(l, r->table.value, to, sum);
}

/* For each index: its row of the table, element by element. */
static void for_each_row(Rows *r, const Node *index, void (*element)(void *))
{
    Lower *l = r->l;
    const int last = r->row_type.rank - 1;
    int open = 0;
    l->lane_axis = -1;
    for (int axis = 0; axis < r->index_rank; axis++, open++) {
        LoopExpr *hi = lower_extent(l, index->type, axis);
        l->axis[axis] =
            x_var(&l->b, loop_begin(&l->b, lower_axis_name(l, axis), x_int(&l->b, 0), hi, 1));
    }
    Var *entry = loop_let(&l->b, "entry", x_to_index(&l->b, lower_input(l, index, same_axes)));
    r->entry = x_var(&l->b, entry);
    const bool lanes = last >= r->index_rank && r->table.stride[last - r->index_rank + 1] == 1
                    && r->rows.stride[last] == 1 && l->target->width > 1;
    l->lane_axis = lanes ? last : -1;
    for (int axis = r->index_rank; axis < r->row_type.rank; axis++) {
        if (axis == l->lane_axis || r->row_type.dim[axis] == 1) continue;
        LoopExpr *hi = x_int(&l->b, r->row_type.dim[axis]);
        l->axis[axis] =
            x_var(&l->b, loop_begin(&l->b, lower_axis_name(l, axis), x_int(&l->b, 0), hi, 1));
        open++;
    }
    if (lanes) lane_loop_over(l, r->row_type.dim[last], element, r);
    else element(r);
    while (open--) loop_end(&l->b);
}

static View result_view(const Value *value)
{
    View view = {.value = value, .offset = value->origin};
    for (int i = 0; i < MAX_RANK; i++) view.stride[i] = value->stride[i];
    return view;
}

void lower_gather(Lower *l)
{
    const Node *node = l->k->anchor;
    Rows r = {.l = l, .row_type = node->type, .index_rank = node->inputs[1]->type.rank};
    r.rows = result_view(l->k->results.at[0]);
    plan_operand(l->entry, l->k, node->inputs[0], &r.table);
    for_each_row(&r, node->inputs[1], gather_element);
}

void lower_clear(Lower *l, const Value *value)
{
    Buffer *buffer = lower_buffer(l, value);
    Var *i = loop_begin(&l->b, "i", x_int(&l->b, 0), x_int(&l->b, value->elements), 1);
    loop_store(&l->b, buffer, x_var(&l->b, i), x_float(&l->b, 0, false));
    loop_end(&l->b);
}

void lower_scatter(Lower *l)
{
    const Node *node = l->k->anchor;
    Rows r = {.l = l, .row_type = node->inputs[1]->type, .index_rank = node->inputs[0]->type.rank};
    plan_operand(l->entry, l->k, node->inputs[1], &r.rows);
    if (l->k->onto) view_strides(l->k->onto, l->k->results.at[0], &r.table);
    else {
        r.table = result_view(l->k->results.at[0]);
        lower_clear(l, r.table.value);
    }
    for_each_row(&r, node->inputs[0], scatter_element);
}

/* ---- checks ---- */

/* The index's value here: a chain of maps over inputs, computed in place whichever kernel they
 * belong to. */
static LoopExpr *index_value(Lower *l, const Node *input, const int *label)
{
    View view;
    LoopExpr *args[3];
    const Node *root = view_root(input);
    int axis_of[MAX_RANK], root_label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    if (plan_operand(l->entry, l->k, input, &view)) return lower_load(l, &view, label, input->type);
    if (!root->input_count) return lower_input(l, root, label);
    view_labels(input, axis_of);
    for (int i = 0; i < input->type.rank; i++)
        if (axis_of[i] >= 0) root_label[axis_of[i]] = label[i];
    for (int i = 0; i < root->input_count; i++)
        args[i] = index_value(l, root->inputs[i], root_label);
    return x_map(&l->b, root->op, root->input_count, args);
}

void lower_check(Lower *l)
{
    const Node *node = l->k->anchor;
    int open = 0;
    l->b.function->returns_status = true;
    l->lane_axis = -1;
    for (int axis = 0; axis < node->type.rank; axis++, open++) lower_loop(l, axis);
    LoopExpr *index =
        x_var(&l->b, loop_let(&l->b, "index", index_value(l, node->inputs[0], same_axes)));
    LoopExpr *low = x_map(&l->b, OP_lt, 2, (LoopExpr *[]){index, x_i32(&l->b, 0, false)});
    LoopExpr *high =
        x_map(&l->b, OP_ge, 2, (LoopExpr *[]){index, x_i32(&l->b, node->attr[0].ints[0], false)});
    loop_if(&l->b, x_map(&l->b, OP_or, 2, (LoopExpr *[]){low, high}));
    loop_return(&l->b, x_int(&l->b, NN_BAD_INDEX));
    loop_end(&l->b);
    while (open--) loop_end(&l->b);
    loop_return(&l->b, x_int(&l->b, NN_OK));
}
