/* The geometry of windows: taken from a node's operands and attributes, checked, and walked. */
#include "ops/window.h"

#include "ops/rules.h"

/* The attributes: groups of a convolution stand where pooling has the window's extents. */
enum { STRIDE, PADDING, DILATION, GROUPS, WINDOW = GROUPS };

int64_t window_taps(const Window *window)
{
    int64_t taps = 1;
    for (int i = 0; i < window->axes; i++) taps *= window->axis[i].taps;
    return taps;
}

int64_t window_positions(const Window *window)
{
    int64_t positions = 1;
    for (int i = 0; i < window->axes; i++) positions *= window->axis[i].out;
    return positions;
}

/* From the first to the last entry that a window meets. */
static int64_t reach(const WindowAxis *axis) { return axis->dilation * (axis->taps - 1) + 1; }

bool window_parts(const Window *window)
{
    for (int i = 0; i < window->axes; i++)
        if (reach(&window->axis[i]) > window->axis[i].stride) return false;
    return true;
}

bool window_covers(const Window *window)
{
    for (int i = 0; i < window->axes; i++) {
        const WindowAxis *a = &window->axis[i];
        const int64_t end = (a->out - 1) * a->stride - a->before + a->taps;
        if (a->taps < a->stride || a->dilation > 1 || a->before < 0 || end < a->in) return false;
    }
    return true;
}

/* ---- what comes from the attributes ---- */

/* A list with an entry for every axis of the window, each at least `least`. */
static const char *check_list(Arena *arena, const Node *node, const char *what, const Attr *attr,
                              int count, int64_t least)
{
    const char *name = op_row(node->op)->name;
    if (attr->count != count)
        return arena_printf(arena, "%s: %d numbers are wanted for %s, got %d", name, count, what,
                            attr->count);
    for (int i = 0; i < count; i++)
        if (attr->ints[i] < least)
            return arena_printf(arena, "%s: %s must be at least %lld, got %lld", name, what,
                                (long long)least, (long long)attr->ints[i]);
    return NULL;
}

static const char *take_steps(Arena *arena, const Node *node, Window *w)
{
    const Attr *attr = node->attr;
    const char *error = check_list(arena, node, "stride", &attr[STRIDE], w->axes, 1);
    if (!error) error = check_list(arena, node, "padding", &attr[PADDING], 2 * w->axes, INT32_MIN);
    if (!error) error = check_list(arena, node, "dilation", &attr[DILATION], w->axes, 1);
    for (int i = 0; !error && i < w->axes; i++) {
        w->axis[i].stride = attr[STRIDE].ints[i];
        w->axis[i].before = attr[PADDING].ints[i];
        w->axis[i].dilation = attr[DILATION].ints[i];
    }
    return error;
}

/* ---- what comes from the operands ---- */

/* [rows, channels, ...] with at least one axis for the window; rows may be the batch axis. */
static const char *check_planes(Arena *arena, const Node *node, Type type)
{
    const char *name = op_row(node->op)->name;
    if (type.dtype != DT_F32)
        return arena_printf(arena, "%s expects f32, got %s", name, type_text(arena, type));
    if (type.rank < 3)
        return arena_printf(arena,
                            "%s: axes for rows, channels and at least one for the window to move "
                            "along are wanted, got %s",
                            name, type_text(arena, type));
    if (type.batch_axis > 0)
        return arena_printf(arena, "%s: the batch must be axis 0, got %s", name,
                            type_text(arena, type));
    return NULL;
}

static const char *take_planes(Arena *arena, const Node *node, Type type, Window *w)
{
    const char *error = check_planes(arena, node, type);
    if (error) return error;
    w->axes = type.rank - 2;
    w->rows = type.dim[0];
    return take_steps(arena, node, w);
}

/* Takes the extents of the planes that the window slides over, and those of its result. */
static const char *take_in(Arena *arena, const Node *node, Type type, Window *w)
{
    const char *error = take_planes(arena, node, type, w);
    if (error) return error;
    w->in = type;
    w->in_channels = type.dim[1];
    for (int i = 0; i < w->axes; i++) w->axis[i].in = type.dim[2 + i];
    return NULL;
}

static const char *take_out(Arena *arena, const Node *node, Type type, Window *w)
{
    const char *error = take_planes(arena, node, type, w);
    if (error) return error;
    w->out = type;
    w->out_channels = type.dim[1];
    for (int i = 0; i < w->axes; i++) w->axis[i].out = type.dim[2 + i];
    return NULL;
}

/* [out channels, in channels of a group, taps ...] */
static const char *take_weight(Arena *arena, const Node *node, Type type, Window *w)
{
    const char *name = op_row(node->op)->name;
    if (type.dtype != DT_F32 || type.batch_axis >= 0)
        return arena_printf(arena, "%s: weights are f32 without a batch axis, got %s", name,
                            type_text(arena, type));
    if (type.rank != w->axes + 2)
        return arena_printf(arena,
                            "%s: for a window over %d axes the weights have %d: [out channels, in "
                            "channels, taps along each], got %s",
                            name, w->axes, w->axes + 2, type_text(arena, type));
    w->weight = type;
    w->groups = node->attr[GROUPS].ints[0];
    for (int i = 0; i < w->axes; i++) w->axis[i].taps = type.dim[2 + i];
    return NULL;
}

/* ---- extents that follow ---- */

static const char *out_extents(Arena *arena, const Node *node, Window *w)
{
    for (int i = 0; i < w->axes; i++) {
        WindowAxis *a = &w->axis[i];
        int64_t after = node->attr[PADDING].ints[w->axes + i];
        int64_t room = a->in + a->before + after - reach(a);
        if (room < 0)
            return arena_printf(arena,
                                "%s: a window of %lld does not fit into the %lld entries of axis "
                                "%d of %s with padding %lld and %lld",
                                op_row(node->op)->name, (long long)reach(a), (long long)a->in,
                                2 + i, type_text(arena, w->in), (long long)a->before,
                                (long long)after);
        a->out = room / a->stride + 1;
    }
    return NULL;
}

static const char *in_extents(Arena *arena, const Node *node, Window *w)
{
    for (int i = 0; i < w->axes; i++) {
        WindowAxis *a = &w->axis[i];
        int64_t after = node->attr[PADDING].ints[w->axes + i];
        a->in = (a->out - 1) * a->stride + reach(a) - a->before - after;
        if (a->in < 1)
            return arena_printf(arena,
                                "%s: padding of %lld and %lld leaves nothing of axis %d of %s",
                                op_row(node->op)->name, (long long)a->before, (long long)after,
                                2 + i, type_text(arena, w->out));
    }
    return NULL;
}

static const char *tap_extents(Arena *arena, const Node *node, Window *w)
{
    for (int i = 0; i < w->axes; i++) {
        WindowAxis *a = &w->axis[i];
        int64_t after = node->attr[PADDING].ints[w->axes + i];
        int64_t span = a->in + a->before + after - (a->out - 1) * a->stride - 1;
        if (span < 0 || span % a->dilation)
            return arena_printf(arena, "%s: no window slides over axis %d of %s to give %s",
                                op_row(node->op)->name, 2 + i, type_text(arena, w->in),
                                type_text(arena, w->out));
        a->taps = span / a->dilation + 1;
    }
    return NULL;
}

static Type planes_like(Type like, int64_t channels, const Window *w, bool in)
{
    Type type = like;
    type.dim[1] = channels;
    for (int i = 0; i < w->axes; i++) type.dim[2 + i] = in ? w->axis[i].in : w->axis[i].out;
    return type;
}

/* ---- convolutions ---- */

static const char *check_groups(Arena *arena, const Node *node, int64_t channels, Type of)
{
    int64_t groups = node->attr[GROUPS].ints[0];
    if (groups >= 1 && channels % groups == 0) return NULL;
    return arena_printf(arena, "%s: the %lld channels of %s cannot be divided into %lld groups",
                        op_row(node->op)->name, (long long)channels, type_text(arena, of),
                        (long long)groups);
}

/* The window over the first operand with the weights in the second. */
static const char *conv_of(Arena *arena, const Node *node, Window *w)
{
    const char *error = take_in(arena, node, node->inputs[0]->type, w);
    if (!error) error = take_weight(arena, node, node->inputs[1]->type, w);
    if (!error) error = check_groups(arena, node, w->in_channels, w->in);
    if (!error) error = check_groups(arena, node, w->weight.dim[0], w->weight);
    if (error) return error;
    int64_t channels = w->weight.dim[1] * w->groups;
    if (channels != w->in_channels)
        return arena_printf(arena,
                            "%s: %s has %lld channels, but the weights %s in %lld group%s are for "
                            "%lld",
                            op_row(node->op)->name, type_text(arena, w->in),
                            (long long)w->in_channels, type_text(arena, w->weight),
                            (long long)w->groups, w->groups == 1 ? "" : "s", (long long)channels);
    error = out_extents(arena, node, w);
    w->out_channels = w->weight.dim[0];
    w->out = planes_like(w->in, w->out_channels, w, false);
    return error;
}

static const char *conv_input_of(Arena *arena, const Node *node, Window *w)
{
    const char *error = take_out(arena, node, node->inputs[0]->type, w);
    if (!error) error = take_weight(arena, node, node->inputs[1]->type, w);
    if (!error) error = check_groups(arena, node, w->weight.dim[0], w->weight);
    if (error) return error;
    if (w->weight.dim[0] != w->out_channels)
        return arena_printf(arena, "%s: %s has %lld channels, but the weights %s are for %lld",
                            op_row(node->op)->name, type_text(arena, w->out),
                            (long long)w->out_channels, type_text(arena, w->weight),
                            (long long)w->weight.dim[0]);
    error = in_extents(arena, node, w);
    w->in_channels = w->weight.dim[1] * w->groups;
    w->in = planes_like(w->out, w->in_channels, w, true);
    return error;
}

static const char *conv_weight_of(Arena *arena, const Node *node, Window *w)
{
    Type in = node->inputs[0]->type, out = node->inputs[1]->type;
    const char *error = take_in(arena, node, in, w);
    if (!error) error = take_out(arena, node, out, w);
    if (!error) error = check_groups(arena, node, w->in_channels, in);
    if (!error) error = check_groups(arena, node, w->out_channels, out);
    if (error) return error;
    if (in.rank != out.rank || in.dim[0] != out.dim[0] || in.batch_axis != out.batch_axis
        || in.batch_inner != out.batch_inner)
        return arena_printf(arena, "%s: %s and %s have different rows or axes",
                            op_row(node->op)->name, type_text(arena, in), type_text(arena, out));
    error = tap_extents(arena, node, w);
    w->groups = node->attr[GROUPS].ints[0];
    w->weight =
        planes_like(type_make(DT_F32, in.rank, in.dim), w->in_channels / w->groups, w, true);
    w->weight.dim[0] = w->out_channels;
    for (int i = 0; i < w->axes; i++) w->weight.dim[2 + i] = w->axis[i].taps;
    return error;
}

/* ---- pooling ---- */

static const char *take_pool(Arena *arena, const Node *node, Window *w)
{
    const Attr *window = &node->attr[WINDOW];
    const char *error = check_list(arena, node, "window", window, w->axes, 1);
    for (int i = 0; !error && i < w->axes; i++) w->axis[i].taps = window->ints[i];
    return error;
}

static const char *pool_of(Arena *arena, const Node *node, Window *w)
{
    const char *error = take_in(arena, node, node->inputs[0]->type, w);
    if (!error) error = take_pool(arena, node, w);
    if (!error) error = out_extents(arena, node, w);
    w->groups = w->out_channels = w->in_channels;
    w->out = planes_like(w->in, w->out_channels, w, false);
    return error;
}

static const char *spread_of(Arena *arena, const Node *node, Window *w)
{
    const char *error = take_out(arena, node, node->inputs[0]->type, w);
    if (!error) error = take_pool(arena, node, w);
    if (!error) error = in_extents(arena, node, w);
    w->groups = w->in_channels = w->out_channels;
    w->in = planes_like(w->out, w->in_channels, w, true);
    return error;
}

/* The operand beside the one that is looked at must be of the type that follows from that. */
static const char *check_beside(Arena *arena, const Node *node, Type wanted)
{
    Type beside = node->inputs[1]->type;
    if (type_equal(beside, wanted)) return NULL;
    return arena_printf(arena, "%s: beside %s, %s is wanted, got %s", op_row(node->op)->name,
                        type_text(arena, node->inputs[0]->type), type_text(arena, wanted),
                        type_text(arena, beside));
}

/* A window that holds padding alone has no largest entry. */
static const char *check_inhabited(Arena *arena, const Node *node, const Window *w)
{
    for (int i = 0; i < w->axes; i++) {
        const WindowAxis *a = &w->axis[i];
        int64_t last = (a->out - 1) * a->stride - a->before;
        if (a->before < reach(a) && last < a->in) continue;
        return arena_printf(arena,
                            "%s: with padding %lld and %lld a window of %lld along axis %d of %s "
                            "holds nothing but padding",
                            op_row(node->op)->name, (long long)a->before,
                            (long long)node->attr[PADDING].ints[w->axes + i], (long long)reach(a),
                            2 + i, type_text(arena, w->in));
    }
    return NULL;
}

/* ---- by operation ---- */

typedef struct Form {
    Op op;
    const char *(*of)(Arena *arena, const Node *node, Window *w);
    WindowRole input[2], result;
} Form;

static const Form forms[] = {
    {OP_conv, conv_of, {ROLE_IN, ROLE_WEIGHT}, ROLE_OUT},
    {OP_conv_input, conv_input_of, {ROLE_OUT, ROLE_WEIGHT}, ROLE_IN},
    {OP_conv_weight, conv_weight_of, {ROLE_IN, ROLE_OUT}, ROLE_WEIGHT},
    {OP_window_sum, pool_of, {ROLE_IN, ROLE_NONE}, ROLE_OUT},
    {OP_window_spread, spread_of, {ROLE_OUT, ROLE_NONE}, ROLE_IN},
    {OP_max_pick, pool_of, {ROLE_IN, ROLE_IN}, ROLE_OUT},
    {OP_max_place, pool_of, {ROLE_IN, ROLE_OUT}, ROLE_IN},
};

/* A step that nothing takes is no longer than the window, so that no loops are made for what would
 * lie between windows. */
static void shorten_steps(Window *w)
{
    for (int i = 0; i < w->axes; i++) {
        WindowAxis *a = &w->axis[i];
        if (a->out == 1 && a->stride > reach(a)) a->stride = reach(a);
    }
}

const char *window_of(Arena *arena, const Node *node, Window *w)
{
    const Form *form = forms;
    while (form->op != node->op) form++;
    *w = (Window){.result = form->result};
    w->input[0] = form->input[0];
    w->input[1] = form->input[1];
    const char *error = form->of(arena, node, w);
    if (!error) shorten_steps(w);
    bool picks = form->of == pool_of && form->input[1] != ROLE_NONE;
    if (!error && picks) error = check_inhabited(arena, node, w);
    if (!error && picks)
        error = check_beside(arena, node, form->input[1] == ROLE_IN ? w->in : w->out);
    return error;
}

const char *window_type(Arena *arena, const Node *node, Type *out)
{
    Window w;
    const char *error = window_of(arena, node, &w);
    *out = w.result == ROLE_IN ? w.in : w.result == ROLE_OUT ? w.out : w.weight;
    return error;
}

double window_work(const Node *node)
{
    Window w;
    Arena *arena = arena_new();
    window_of(arena, node, &w);
    arena_free(arena);
    return (double)w.rows * (double)w.out_channels * (double)(w.in_channels / w.groups)
         * (double)window_positions(&w) * (double)window_taps(&w);
}

/* The padding after each axis becomes what makes the last position end with it, so that the
 * extents can be found again from any two operands. */
Node *window_relative(Grad *g, Op op, Node *const *inputs)
{
    Window w;
    Attr attrs[MAX_ATTRS];
    const char *error = window_of(g->graph->arena, g->node, &w);
    for (int i = 0; i < MAX_ATTRS; i++) attrs[i] = g->node->attr[i];
    for (int i = 0; !error && i < w.axes; i++) {
        const WindowAxis *a = &w.axis[i];
        attrs[PADDING].ints[w.axes + i] = (a->out - 1) * a->stride + reach(a) - a->in - a->before;
    }
    int count = op_row(op)->arity;
    return graph_append(g->graph, op, inputs, count, attrs, g->graph->origin, &error);
}

/* ---- the walk ---- */

/* Positions [*first, *end) along an axis meet an entry, not padding, with tap k. */
static void met(const WindowAxis *a, int64_t k, int64_t *first, int64_t *end)
{
    int64_t shift = a->before - k * a->dilation; /* entry = o * stride - shift */
    *first = shift > 0 ? (shift + a->stride - 1) / a->stride : 0;
    *end = a->in + shift > 0 ? (a->in + shift - 1) / a->stride + 1 : 0;
    if (*end > a->out) *end = a->out;
}

typedef struct RunWalk {
    const Window *w;
    WindowRun *at;
    int count;
} RunWalk;

/* `run` has the tap, and the offsets of the axes before this one. */
static void walk_axis(RunWalk *walk, int axis, const int64_t *tap, WindowRun run)
{
    const WindowAxis *a = &walk->w->axis[axis];
    int64_t first, end;
    met(a, tap[axis], &first, &end);
    run.in *= a->in, run.out *= a->out;
    int64_t shift = a->before - tap[axis] * a->dilation;
    if (axis == walk->w->axes - 1) {
        run.in += first * a->stride - shift, run.out += first;
        run.count = end - first, run.step = a->stride;
        if (run.count > 0) walk->at[walk->count++] = run;
        return;
    }
    for (int64_t o = first; o < end; o++) {
        WindowRun inner = run;
        inner.in += o * a->stride - shift, inner.out += o;
        walk_axis(walk, axis + 1, tap, inner);
    }
}

const WindowRun *window_runs(Arena *arena, const Window *window, int *count)
{
    int64_t tap[MAX_WINDOW_AXES] = {0}, taps[MAX_WINDOW_AXES];
    int64_t most = window_taps(window) * window_positions(window)
                 / window->axis[window->axes - 1].out;
    RunWalk walk = {.w = window, .at = arena_array(arena, WindowRun, most)};
    WindowRun run = {0};
    for (int i = 0; i < window->axes; i++) taps[i] = window->axis[i].taps;
    do {
        walk_axis(&walk, 0, tap, run);
        run.tap++;
    } while (index_next(tap, taps, window->axes));
    *count = walk.count;
    return walk.at;
}
