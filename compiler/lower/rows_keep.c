/* Values of a row that are kept for its later phases. */
#include <string.h>

#include "lower/rows.h"
#include "ops/formula.h"

enum { KEPT_FLOATS = 4096 }; /* of a local row: half of a first-level cache */

static void need(Rows *r, const Node *input, int p)
{
    const Node *node = view_root(input);
    const Member *m = member_of(r, node);
    if (!m->inlined &&
        (m->kernel != r->l->k || reduces(r, node) || !(varies(node->type, m->label) & r->row)))
        return;
    if (!m->inlined) r->rows[m->place].phases |= 1u << p;
    for (int i = 0; i < node->input_count; i++) need(r, node->inputs[i], p);
}

/* Which phases compute which members. */
static void find_needs(Rows *r)
{
    for (int i = 0; i < r->l->k->nodes.count; i++) {
        const Node *node = r->l->k->nodes.at[i];
        const int level = level_of(r, node);
        if (in_row(r, node))
            for (int pass = 1; pass <= reduction_passes(node->op); pass++)
                need(r, node->inputs[0], level - pass);
        else if (accumulates(r, node) && input_in_row(r, node)) need(r, node->inputs[0], level);
        else if (result_of(r, node) && !reduces(r, node)) need(r, node, level);
    }
}

/* A function of the math library or a helper of the target, or a formula with one. */
static bool is_costly(const Rows *r, const Node *node)
{
    if (op_row(node->op)->kind != KIND_MAP) return false;
    const char *spelling = r->l->target->map_f32[node->op];
    if (spelling) return *spelling == '@';
    const char *formula = map_value_formula(node->op);
    return !formula || strstr(formula, "exp(") || strstr(formula, "log(");
}

static Buffer *new_row(Rows *r, const char *name)
{
    const int64_t extent = r->l->k->domain.dim[r->l->lane_axis];
    return loop_local(&r->l->b, arena_printf(r->l->b.arena, "%s_row", name),
                      (extent + LANE_PAD - 1) / LANE_PAD * LANE_PAD);
}

/* Lanes run along the row, which is one axis and short enough. */
static bool may_keep_rows(const Rows *r)
{
    const Lower *l = r->l;
    return l->lane_axis >= 0 && l->target->width > 1 && r->row == 1u << l->lane_axis &&
           l->k->domain.dim[l->lane_axis] <= KEPT_FLOATS;
}

void rows_choose_kept(Rows *r)
{
    if (!may_keep_rows(r)) return;
    find_needs(r);
    for (int i = 0; i < r->l->k->nodes.count; i++) {
        const Node *node = r->l->k->nodes.at[i];
        Row *row = &r->rows[place_of(r, node)];
        const bool several = row->phases & (row->phases - 1);
        if (several && is_costly(r, node))
            row->values = new_row(r, op_node_name(node));
    }
}

/* exp(x - logsumexp(x)) is what the reduction's second pass added up, divided by the sum. */
static bool is_shortcut(const Reduction *s, const Node *node)
{
    if (node->op != reduction_shortcut(s)) return false;
    const Node *less = view_root(node->inputs[0]);
    return less->op == OP_sub && view_root(less->inputs[0]) == view_root(s->node->inputs[0]) &&
           view_root(less->inputs[1]) == s->node;
}

void rows_find_shortcuts(Rows *r, Reduction *s)
{
    if (!may_keep_rows(r)) return;
    for (int i = 0; i < r->l->k->nodes.count; i++) {
        const Node *node = r->l->k->nodes.at[i];
        if (!is_shortcut(s, node)) continue;
        if (!s->elements) s->elements = new_row(r, op_row(node->op)->name);
        Row *row = &r->rows[place_of(r, node)];
        *row = (Row){row->phases, s->elements, s};
    }
}

/* In front of an element of phase p: kept values are computed and put into their rows, or read from
 * them. */
void rows_keep(Rows *r, int p)
{
    Lower *l = r->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        const Row *row = &r->rows[place_of(r, node)];
        if (!row->values || !(row->phases >> p & 1)) continue;
        LoopExpr *at = l->axis[l->lane_axis];
        if (!row->shortcut && !(row->phases & ((1u << p) - 1))) {
            loop_vstore(&l->b, row->values, at, lower_member(l, node), l->target->width);
            continue;
        }
        LoopExpr *x = x_vload(&l->b, row->values, at, l->target->width);
        if (row->shortcut) x = x_map(&l->b, OP_mul, 2, (LoopExpr *[]){x, row->shortcut->scale});
        lower_bind(l, node, x_var(&l->b, loop_let(&l->b, op_node_name(node), x)));
    }
}
