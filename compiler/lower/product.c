/* Products whose tiles are shared: where a sum is long, a call costs nothing beside it, and one
 * function of the tile's height and width serves every such product of the program.
 *
 *   for each chunk of the sum          so long that a panel stays in cache
 *       for each n panel
 *           for each m tile            tile(a, b, sums): sums += a @ b
 *               epilogue on sums, in loops
 *
 * All rows pass a panel while it is in cache, so the other operand, the weights, comes from memory
 * once; each tile asks for its share of the next panel and for the lines that it will store to. The
 * share is asked for while the tile computes, for a core waits for no more than about twenty lines
 * at a time: 94% of the peak where weights come from memory, 92% all at once. Where the other
 * operand's rows are one element apart, every step of the sum meets another line of it: it asks for
 * the line of the tiles to come, which the processor does not foresee (77 -> 90% where that operand
 * is far). An operand that lies the other way round is turned into a panel of scratch before the
 * rows pass, and one of which many rows pass is moved there (kernel/panel.c).
 * Without an epilogue the result itself takes the sums. With one it holds them until it follows, so
 * that its lines have come when it is stored; where it cannot, they stay in an array of the size of
 * a tile. */
#include "lower/contract.h"

#include <string.h>

enum {
    LONG_SUM = 256,  /* steps of a sum from which tiles are shared */
    LINE = 16,       /* floats that come together from memory */
    LINE_STEPS = 8,  /* steps of the sum in which a tile asks for one line: for all lines of its
                        sums in less than LONG_SUM */
    LINE_STEPS_ACROSS = 4, /* and for one of the next panel where every step meets another line of
                              the repeated operand: its rows, and so its tiles, are fewer */
    MANY_LINES = 16, /* a core waits for no more than about twenty at a time */
    FAR_FLOATS = 1 << 17, /* of an operand that is not in the nearest caches from use to use */
    SUM_CHUNK = PANEL_STEPS /* beyond which a sum is done in chunks: a panel of 64 columns takes
                               half of a second-level cache */
};

/* ---- the function of a tile ---- */

typedef struct TileFunction {
    LoopBuilder b;
    int rows, columns;
    Buffer *a, *wide, *ahead, *sums;
    Var *a_row, *a_step, *b_step, *ahead_step, *length, *row, *more;
    Var *acc[TILE_MAX];
} TileFunction;

static LoopExpr *times_var(TileFunction *t, int64_t n, const Var *var)
{
    return x_mul(&t->b, x_var(&t->b, (Var *)(uintptr_t)var), n);
}

static LoopExpr *read(TileFunction *t, Buffer *from, LoopExpr *at, bool vector)
{
    const int width = t->b.program->target->width;
    return vector && width > 1 ? x_vload(&t->b, from, at, width) : x_load(&t->b, from, at);
}

static LoopExpr *sum_place(TileFunction *t, int i)
{
    const int width = t->b.program->target->width;
    return x_add(&t->b, times_var(t, i / t->columns, t->row),
                 x_int(&t->b, i % t->columns * width));
}

static void start_sums(TileFunction *t)
{
    LoopBuilder *b = &t->b;
    for (int i = 0; i < t->rows * t->columns; i++)
        t->acc[i] =
            loop_var(b, arena_printf(b->arena, "c%d_%d", i / t->columns, i % t->columns),
                     x_float(b, 0, true));
    loop_if(b, x_var(b, t->more));
    for (int i = 0; i < t->rows * t->columns; i++)
        loop_set(b, t->acc[i], read(t, t->sums, sum_place(t, i), true));
    loop_end(b);
}

/* The lines of a row of the sums. */
static int64_t lines_across(const TileFunction *t)
{
    const int64_t floats = t->columns * (int64_t)t->b.program->target->width;
    return floats > LINE ? floats / LINE : 1;
}

/* The sums are stored thousands of cycles later. */
static void ask_for_lines(TileFunction *t)
{
    LoopBuilder *b = &t->b;
    const int64_t across = lines_across(t);
    LoopExpr *r = x_var(b, loop_begin(b, "r", x_int(b, 0), x_int(b, t->rows), 1));
    LoopExpr *c = x_int(b, 0);
    if (across > 1) c = x_var(b, loop_begin(b, "c", c, x_int(b, across * LINE), LINE));
    loop_prefetch(b, t->sums, x_add(b, x_times(b, r, x_var(b, t->row)), c));
    if (across > 1) loop_end(b);
    loop_end(b);
}

/* Where they have many lines, one in a few steps. */
static bool asks_in_turn(const TileFunction *t)
{
    return t->rows * lines_across(t) >= MANY_LINES;
}

static void ask_in_turn(TileFunction *t, LoopExpr *k)
{
    LoopBuilder *b = &t->b;
    const int64_t across = lines_across(t);
    LoopExpr *column = x_mod(b, x_div(b, k, LINE_STEPS), across);
    LoopExpr *r = x_min(b, x_div(b, k, LINE_STEPS * across), x_int(b, t->rows - 1));
    loop_prefetch(b, t->sums,
                  x_add(b, x_times(b, r, x_var(b, t->row)), x_mul(b, column, LINE)));
}

static int line_steps(bool adjacent) { return adjacent ? LINE_STEPS_ACROSS : LINE_STEPS; }

/* What tiles to come read. */
static void ask_for_operand(TileFunction *t, LoopExpr *k)
{
    LoopBuilder *b = &t->b;
    LoopExpr *line = x_div(b, k, line_steps(t->a_step != NULL));
    loop_prefetch(b, t->ahead, x_times(b, line, x_var(b, t->ahead_step)));
    if (!t->a_step) return;
    loop_prefetch(b, t->a, x_add(b, x_times(b, k, x_var(b, t->a_step)), x_int(b, LINE)));
}

static void multiply(TileFunction *t)
{
    LoopBuilder *b = &t->b;
    Var *wide[TILE_MAX];
    LoopExpr *k = x_var(b, loop_begin(b, "k", x_int(b, 0), x_var(b, t->length), 1));
    loop_unroll(b, 2);
    if (asks_in_turn(t)) ask_in_turn(t, k);
    ask_for_operand(t, k);
    for (int v = 0; v < t->columns; v++) {
        LoopExpr *at = x_add(b, x_times(b, k, x_var(b, t->b_step)),
                             x_int(b, v * b->program->target->width));
        wide[v] = loop_let(b, arena_printf(b->arena, "b%d", v), read(t, t->wide, at, true));
    }
    for (int r = 0; r < t->rows; r++) {
        LoopExpr *row = t->a_row ? times_var(t, r, t->a_row) : x_int(b, r);
        LoopExpr *step = t->a_row ? k : x_times(b, k, x_var(b, t->a_step));
        LoopExpr *a = x_splat(b, read(t, t->a, x_add(b, row, step), false));
        Var *factor = loop_let(b, arena_printf(b->arena, "a%d", r), a);
        for (int v = 0; v < t->columns; v++) {
            Var *sum = t->acc[r * t->columns + v];
            loop_set(b, sum, x_fma(b, x_var(b, factor), x_var(b, wide[v]), x_var(b, sum)));
        }
    }
    loop_end(b);
}

static void store_sums(TileFunction *t)
{
    LoopBuilder *b = &t->b;
    const int width = b->program->target->width;
    for (int i = 0; i < t->rows * t->columns; i++) {
        LoopExpr *sum = x_var(b, t->acc[i]);
        if (width > 1) loop_vstore(b, t->sums, sum_place(t, i), sum, width);
        else loop_store(b, t->sums, sum_place(t, i), sum);
    }
}

static Function *make_function(Program *program, const char *name, int rows, int columns,
                               bool adjacent)
{
    TileFunction t = {.rows = rows, .columns = columns};
    const int width = program->target->width;
    t.b = loop_inner_function(
        program, name,
        arena_printf(program->arena,
                     "sums[r * row + c] = sum of a[%s] * b[k * b_step + c] over k < length, for "
                     "%d rows and %d columns; `more`: added to what is there. What is at `ahead` "
                     "comes nearer, for later tiles.",
                     adjacent ? "k * a_step + r" : "r * a_row + k", rows, columns * width));
    t.a = loop_buffer(&t.b, "a", LT_F32, true);
    t.wide = loop_buffer(&t.b, "b", LT_F32, true);
    t.ahead = loop_buffer(&t.b, "ahead", LT_F32, true);
    t.sums = loop_buffer(&t.b, "sums", LT_F32, false);
    if (adjacent) t.a_step = loop_scalar(&t.b, "a_step", LT_INDEX);
    else t.a_row = loop_scalar(&t.b, "a_row", LT_INDEX);
    t.b_step = loop_scalar(&t.b, "b_step", LT_INDEX);
    t.ahead_step = loop_scalar(&t.b, "ahead_step", LT_INDEX);
    t.row = loop_scalar(&t.b, "row", LT_INDEX);
    t.length = loop_scalar(&t.b, "length", LT_INDEX);
    t.more = loop_scalar(&t.b, "more", LT_INDEX);
    start_sums(&t);
    if (!asks_in_turn(&t)) ask_for_lines(&t);
    multiply(&t);
    store_sums(&t);
    return t.b.function;
}

static Function *tile_function(Contract *c, int rows, int columns)
{
    Program *program = c->l->b.program;
    const char *name =
        arena_printf(program->arena, "tile_%dx%d%s", rows, columns * product_width(c),
                     c->product.adjacent ? "_across" : "");
    for (int i = 0; i < program->inner.count; i++)
        if (!strcmp(program->inner.at[i]->name, name)) return program->inner.at[i];
    return make_function(program, name, rows, columns, c->product.adjacent);
}

/* ---- whether, and how ---- */

int64_t product_row_stride(const Contract *c, const Value *v)
{
    const int *label = c->l->entry->member[v->node->id].label;
    for (int i = 0; i < v->node->type.rank; i++)
        if (label[i] == c->m_axis && v->node->type.dim[i] > 1) return v->stride[i];
    return 0;
}

/* Whether a result can hold the sums: an element for each, in the order of the lanes. */
bool product_holds_sums(const Contract *c, const Value *v)
{
    const Type type = v->node->type;
    const int *label = c->l->entry->member[v->node->id].label;
    bool lanes = false;
    if (v->dtype != DT_F32 || type_elements(type) != type_elements(c->l->k->domain)) return false;
    for (int i = 0; i < type.rank; i++)
        lanes |= label[i] == c->n_axis && type.dim[i] > 1 && v->stride[i] == 1;
    return lanes && product_row_stride(c, v) > 0;
}

/* Full panels of the operand along the lanes can be read whole, and its steps are one stride. */
bool product_is_regular(const Contract *c)
{
    if (c->m_axis < 0 || c->n_axis < 0 || c->k_count != 1 || contract_sums_lanes(c)) return false;
    if (diagonals_any(&c->diagonals)) return false;
    if (contract_stride(c, c->wide, c->n_axis) != 1) return false;
    const int64_t a_row = contract_stride(c, c->tall, c->m_axis);
    const int64_t last = c->out.dim[c->n_axis] % product_width(c);
    return (a_row == 1 || contract_stride(c, c->tall, -1) == 1)
           && (!last || contract_lanes_readable(c, (int)last) == product_width(c));
}

bool product_computes_alone(const Contract *c)
{
    return c->l->k->nodes.count == 1 && c->l->k->results.count == 1;
}

void product_plan(Contract *c)
{
    struct Product *p = &c->product;
    *p = (struct Product){.chunks = 1, .last = true, .whole = true, .partial = true};
    p->panel = c->l->k->panel;
    if (!p->panel && (!c->l->b.program->shares_tiles || !product_is_regular(c))) return;
    const int64_t size = contract_size(c, c->k_count - 1);
    const bool holds = product_holds_sums(c, c->l->k->results.at[0]);
    p->shared = p->panel || (size >= LONG_SUM && c->out.dim[c->m_axis] > 1);
    if (!p->shared) return;
    const int64_t columns = c->out.dim[c->n_axis], width = product_width(c);
    c->tile = tile_choose_wide(c->l->target, c->out.dim[c->m_axis], (columns + width - 1) / width);
    p->direct = product_computes_alone(c) && holds;
    p->adjacent = contract_stride(c, c->tall, -1) != 1;
    p->held = holds && !c->l->k->results.at[0]->over;
    if (size > SUM_CHUNK && p->held && !contract_is_batch(c, c->k_count - 1))
        p->chunks = (size + SUM_CHUNK - 1) / SUM_CHUNK;
    p->chunk = (size + p->chunks - 1) / p->chunks;
    if (p->panel) p->chunk = (p->chunk + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
}

/* ---- one tile ---- */

LoopExpr *product_result_place(Contract *c, const TilePlace *p, const Value *v)
{
    contract_set_axes(c, p, 0, 0);
    return lower_address(c->l, v->origin, v->stride, c->l->entry->member[v->node->id].label,
                         v->node->type);
}

/* Whether the next panel is worth asking for: else it is near, or few tiles would ask for it. */
static bool is_far(const Contract *c, const TilePlace *p)
{
    const int64_t columns = p->columns * (int64_t)product_width(c), extent = c->out.dim[c->n_axis];
    return p->active == product_width(c) && c->out.dim[c->m_axis] >= 8 * p->rows
        && extent >= 2 * columns
        && contract_size(c, c->k_count - 1) * extent >= FAR_FLOATS;
}

/* The first column of the next panel, or of the last. */
static LoopExpr *next_panel(const Contract *c, const TilePlace *p)
{
    LoopBuilder *b = &c->l->b;
    const int64_t columns = p->columns * (int64_t)product_width(c);
    return x_min(b, x_add(b, p->n, x_int(b, columns)),
                 x_int(b, c->out.dim[c->n_axis] - columns));
}

/* What a tile asks for while it computes, a line in a few steps: a part of one of the next panel's
 * columns of lines. Of a panel that will be turned, one column: of every row. */
static Handed lines_ahead(Contract *c, const TilePlace *p)
{
    LoopBuilder *b = &c->l->b;
    const bool turned = product_turns(c);
    const int64_t parts = turned ? 1 : line_steps(c->product.adjacent), chunk = c->product.chunk,
                  columns = turned ? chunk / LINE : p->columns * (int64_t)product_width(c) / LINE;
    if (!is_far(c, p)) return (Handed){.buffer = NULL};
    LoopExpr *tile = x_div(b, p->m, p->rows);
    LoopExpr *column = x_min(b, x_div(b, tile, parts), x_int(b, columns - 1));
    contract_set_axes(c, p, 0, 0);
    c->l->axis[c->n_axis] = next_panel(c, p);
    c->k_index[0] = c->product.from;
    if (turned) c->k_index[0] = x_add(b, c->product.from, x_mul(b, column, LINE));
    else {
        c->l->axis[c->n_axis] = x_add(b, c->l->axis[c->n_axis], x_mul(b, column, LINE));
        c->k_index[0] = x_add(b, c->product.from,
                              x_mul(b, x_mod(b, tile, parts), chunk / parts));
    }
    LoopExpr *at = x_var(b, loop_let(b, "next", contract_address(c, c->wide)));
    return (Handed){lower_buffer(c->l, c->l->k->contracted[c->wide].value), at, 0, 0,
                    contract_stride(c, c->wide, turned ? c->n_axis : -1)};
}

static void call_tile(Contract *c, const TilePlace *p, Handed sums, bool from_start)
{
    LoopBuilder *b = &c->l->b;
    const Value *panel = c->product.panel;
    const bool adjacent = c->product.adjacent;
    Handed ahead = lines_ahead(c, p);
    Buffer *a = lower_buffer(c->l, c->l->k->contracted[c->tall].value),
           *wide = lower_buffer(c->l, panel ? panel : c->l->k->contracted[c->wide].value);
    const int64_t size = contract_size(c, c->k_count - 1),
                  step = panel ? p->columns * product_width(c) : contract_stride(c, c->wide, -1),
                  a_stride = contract_stride(c, c->tall, adjacent ? -1 : c->m_axis);
    LoopExpr *from = from_start ? x_int(b, 0) : c->product.from;
    contract_set_axes(c, p, 0, 0);
    c->k_index[0] = from;
    LoopExpr *a_at = contract_address(c, c->tall),
             *b_at = panel ? x_int(b, 0) : contract_address(c, c->wide);
    loop_call(b, tile_function(c, p->rows, p->columns));
    if (!ahead.buffer) ahead = (Handed){wide, b_at, 0, 0, 0};
    loop_pass(b, adjacent ? (Handed){a, a_at, size, p->rows, a_stride}
                                     : (Handed){a, a_at, p->rows, size, a_stride});
    loop_pass(b, (Handed){wide, b_at, panel ? c->product.chunk : size,
                          p->columns * product_width(c), step});
    loop_pass(b, ahead);
    loop_pass(b, sums);
    loop_argument(b, x_int(b, a_stride));
    loop_argument(b, x_int(b, step));
    loop_argument(b, x_int(b, ahead.ld));
    loop_argument(b, x_int(b, sums.ld));
    loop_argument(b, from_start ? contract_extent(c, c->k_count - 1) : c->product.length);
    loop_argument(b, from);
}

/* One vector of the sums of a row, finished. */
static void finish_vector(Contract *c, const Handed *sums, LoopExpr *r, LoopExpr *column)
{
    LoopBuilder *b = &c->l->b;
    LoopExpr *at = x_add(b, x_add(b, sums->index, x_mul(b, r, sums->ld)), column);
    LoopExpr *sum = product_width(c) > 1 ? x_vload(b, sums->buffer, at, product_width(c))
                                    : x_load(b, sums->buffer, at);
    contract_finish(c, x_var(b, loop_let(b, "sum", sum)));
}

/* The epilogue, row by row and vector by vector. */
static void finish_rows(Contract *c, const TilePlace *p, const Handed *sums)
{
    LoopBuilder *b = &c->l->b;
    const int width = product_width(c), whole = p->columns - (p->active < width);
    LoopExpr *r = x_var(b, loop_begin(b, "r", x_int(b, 0), x_int(b, p->rows), 1));
    contract_set_axes(c, p, 0, 0);
    c->l->active = c->l->target->width;
    c->l->axis[c->m_axis] = x_add(b, p->m, r);
    if (whole) {
        LoopExpr *column =
            x_var(b, loop_begin(b, "v", x_int(b, 0), x_int(b, whole * width), width));
        c->l->axis[c->n_axis] = x_add(b, p->n, column);
        finish_vector(c, sums, r, column);
        loop_end(b);
    }
    if (whole < p->columns) {
        c->l->axis[c->n_axis] = x_add(b, p->n, x_int(b, whole * width));
        c->l->active = p->active;
        finish_vector(c, sums, r, x_int(b, whole * width));
    }
    loop_end(b);
    c->l->active = c->l->target->width;
}

void product_tile(Contract *c, const TilePlace *p)
{
    const Value *v = c->l->k->results.at[0];
    const bool part = p->active < product_width(c);
    const bool in_place = !part && (c->product.direct || c->product.held);
    const int64_t columns = p->columns * product_width(c);
    Handed sums = {.rows = p->rows, .columns = columns, .ld = columns};
    if (in_place) {
        sums.buffer = lower_buffer(c->l, v);
        sums.index = product_result_place(c, p, v);
        sums.ld = product_row_stride(c, v);
    } else {
        sums.buffer = contract_tile_buffer(c, product_width(c));
        sums.index = x_int(&c->l->b, 0);
    }
    call_tile(c, p, sums, part || c->product.chunks == 1);
    if (part || (!c->product.direct && c->product.last)) finish_rows(c, p, &sums);
}

/* ---- loops ---- */

/* The sum in chunks of one length; the last one, or only the panel of it that is not whole, is done
 * behind the loop where more than sums is to be done. */
static void chunks(Contract *c)
{
    LoopBuilder *b = &c->l->b;
    struct Product *p = &c->product;
    const int64_t size = contract_size(c, c->k_count - 1), chunk = p->chunk;
    const int64_t behind = p->direct ? size : (p->chunks - 1) * chunk;
    const bool loops = behind > chunk;
    p->from = loops ? x_var(b, loop_begin(b, "from", x_int(b, 0), x_int(b, behind), chunk))
                    : x_int(b, 0);
    p->length = behind % chunk ? x_min(b, x_int(b, chunk),
                                       x_add(b, x_int(b, size), x_mul(b, p->from, -1)))
                               : x_int(b, chunk);
    p->partial = p->last = false;
    contract_panels(c);
    if (loops) loop_end(b);
    p->last = p->partial = true;
    p->whole = !p->direct;
    p->from = x_int(b, behind);
    p->length = x_int(b, size - behind);
    contract_panels(c);
}

void product_loops(Contract *c)
{
    c->first = x_int(&c->l->b, 0);
    c->block = c->out.dim[c->m_axis];
    c->product.from = x_int(&c->l->b, 0);
    c->product.length = contract_extent(c, c->k_count - 1);
    if (c->product.chunks > 1) chunks(c);
    else contract_panels(c);
}
