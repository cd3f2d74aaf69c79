/* Lines of memory that a tile's epilogue will load and store, asked for while the tile computes:
 * one in a few steps of the sum, for a core waits for no more than about twenty at a time. A tile
 * of results is far from the last one, so that no processor foresees its lines; unasked, a product
 * of which results and an operand come from memory takes a quarter longer.
 *
 * And of a repeated operand whose rows are one element apart, so that each step of the sum meets
 * another line of it, the line of the tiles to come, as shared tiles do (product.c). */
#include "lower/contract.h"

enum {
    LINE = 16,                /* floats that come together from memory */
    FAR_FLOATS = 1 << 16      /* of a tensor that is in no near cache when its turn comes */
};

typedef struct Stream {
    LoopExpr *at;                    /* the tile's first element */
    int64_t row;                     /* how far rows are apart; 0: it is not asked for */
} Stream;

static Stream stream_of(Contract *c, const Value *v, int64_t offset, const int64_t *stride,
                        const int *label, Type type)
{
    int64_t row = 0;
    bool lanes = false;
    if (v->place == AT_INDEX || type_elements(type) < FAR_FLOATS) return (Stream){.row = 0};
    for (int i = 0; i < type.rank; i++) {
        if (type.dim[i] == 1) continue;
        if (label[i] == c->m_axis) row += stride[i];
        lanes |= label[i] == c->n_axis && stride[i] == 1;
    }
    if (!lanes || row < LINE) return (Stream){.row = 0};
    return (Stream){lower_address(c->l, offset, stride, label, type), row};
}

/* Asks for a line in every `apart` steps, row by row. */
static void ask(Contract *c, const TilePlace *p, const Value *v, Stream s, LoopExpr *k,
                int64_t apart)
{
    LoopBuilder *b = &c->l->b;
    const int64_t across = (p->columns * (int64_t)c->l->target->width + LINE - 1) / LINE;
    if (!s.row) return;
    LoopExpr *r = x_min(b, x_div(b, k, apart * across), x_int(b, p->rows - 1)),
             *column = x_mul(b, x_mod(b, x_div(b, k, apart), across), LINE);
    loop_prefetch(b, lower_buffer(c->l, v), x_add(b, x_add(b, s.at, x_mul(b, r, s.row)), column));
}

/* Steps between two lines, so that the last has time to come; 0: the sum is too short, or of a
 * length that depends on the tile. */
static int64_t steps_apart(const Contract *c, const TilePlace *p)
{
    const int64_t across = (p->columns * (int64_t)c->l->target->width + LINE - 1) / LINE,
                  steps = contract_size(c, c->k_count - 1) * 3 / 4, lines = p->rows * across;
    int64_t apart = 1;
    if (c->m_axis < 0 || c->n_axis < 0 || c->n_axis != c->l->lane_axis || c->stretch) return 0;
    if (lines > steps || diagonals_any(&c->diagonals)) return 0;
    while (2 * apart * lines <= steps) apart *= 2;
    return apart;
}

static bool asked_before(const Values *results, const Value *v)
{
    for (int i = 0; i < results->count; i++)
        if (results->at[i] == v || results->at[i]->over == v) return true;
    return false;
}

static void ask_for_operands(Contract *c, const TilePlace *p, LoopExpr *k, int64_t apart)
{
    Lower *l = c->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        const int *label = l->entry->member[node->id].label;
        for (int j = 0; node != l->k->anchor && j < node->input_count; j++) {
            View view;
            if (!plan_operand(l->entry, l->k, node->inputs[j], &view)
                || asked_before(&l->k->results, view.value))
                continue;
            ask(c, p, view.value,
                stream_of(c, view.value, view.offset, view.stride, label, node->inputs[j]->type), k,
                apart);
        }
    }
}

static void ask_for_tall(Contract *c, const TilePlace *p)
{
    LoopBuilder *b = &c->l->b;
    const Value *v = c->l->k->contracted[c->tall].value;
    const bool adjacent = c->m_axis >= 0 && contract_stride(c, c->tall, c->m_axis) == 1
                       && contract_stride(c, c->tall, -1) >= LINE;
    if (!adjacent || c->l->lane_axis < 0 || v->place == AT_INDEX
        || type_elements(contract_node(c)->inputs[c->tall]->type) < FAR_FLOATS)
        return;
    contract_set_axes(c, p, 0, 0);
    loop_prefetch(b, lower_buffer(c->l, v), x_add(b, contract_address(c, c->tall),
                                                  x_int(b, LINE)));
}

void contract_ask(Contract *c, const TilePlace *p, LoopExpr *k)
{
    Lower *l = c->l;
    const int64_t apart = steps_apart(c, p);
    ask_for_tall(c, p);
    if (!apart) return;
    contract_set_axes(c, p, 0, 0);
    for (int i = 0; i < l->k->results.count; i++) {
        const Value *v = l->k->results.at[i];
        ask(c, p, v,
            stream_of(c, v, v->origin, v->stride, l->entry->member[v->node->id].label,
                      v->node->type),
            k, apart);
    }
    ask_for_operands(c, p, k, apart);
    l->active = l->target->width;
}
