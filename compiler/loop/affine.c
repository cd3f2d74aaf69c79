/* An address is a constant plus counters times factors. Two iterations of a loop are apart in a
 * buffer if the address tells the counter of the loop: all accesses have it with a factor c, and
 *
 *   - what else the address holds spans less than one step of the counter times c, or
 *   - it is a multiple of some M, beside a remainder that spans less than a step, and all of the
 *     loop together with the remainder spans less than M: the digit in the middle of a number.
 *
 * What is no such sum is a counter of its own with the range that it can take. */
#include "loop/affine.h"

enum { MOST_TERMS = 12 };

static const int64_t far = (int64_t)1 << 40; /* further than any address */

typedef struct Term {
    const Var *var;
    int64_t factor, lo, hi;
} Term;

typedef struct Affine {
    int64_t constant;
    Term term[MOST_TERMS];
    int count;
} Affine;

typedef struct Binding {
    const Var *var;
    Affine value;
} Binding;

typedef struct Access {
    const Buffer *buffer;
    Affine at;
    bool writes;
} Access;

typedef struct Scan {
    Arena *arena;
    VEC(Binding) bindings;
    VEC(Access) accesses;
    bool understood;
} Scan;

/* ---- sums ---- */

static Affine constant(int64_t value) { return (Affine){.constant = value}; }

static void add_term(Scan *s, Affine *sum, Term t)
{
    for (int i = 0; i < sum->count; i++)
        if (sum->term[i].var == t.var) {
            sum->term[i].factor += t.factor;
            return;
        }
    if (sum->count == MOST_TERMS) s->understood = false;
    else sum->term[sum->count++] = t;
}

static void add(Scan *s, Affine *sum, const Affine *x, int64_t factor)
{
    sum->constant += factor * x->constant;
    for (int i = 0; i < x->count; i++) {
        Term t = x->term[i];
        t.factor *= factor;
        add_term(s, sum, t);
    }
}

/* A counter of its own. */
static Affine fresh(Scan *s, int64_t lo, int64_t hi)
{
    Affine x = {0};
    if (lo >= hi) return constant(lo);
    add_term(s, &x, (Term){arena_make(s->arena, Var), 1, lo, hi});
    return x;
}

static int64_t clip(int64_t x) { return x < -far ? -far : x > far ? far : x; }

static int64_t bound(const Affine *x, bool upper)
{
    int64_t sum = x->constant;
    for (int i = 0; i < x->count; i++) {
        const Term *t = &x->term[i];
        const int64_t end = (t->factor > 0) == upper ? t->hi : t->lo;
        if (t->factor)
            sum = clip(
                sum + (end <= -far || end >= far ? (upper ? far : -far) : clip(t->factor * end)));
    }
    return sum;
}

static bool is_constant(const Affine *x)
{
    for (int i = 0; i < x->count; i++)
        if (x->term[i].factor) return false;
    return true;
}

/* ---- expressions ---- */

static Affine value_of(Scan *s, const LoopExpr *x);

static Affine quotient(Scan *s, const LoopExpr *x, bool rest)
{
    const Affine a = value_of(s, x->args[0]), n = value_of(s, x->args[1]);
    if (!is_constant(&n) || n.constant <= 0 || bound(&a, false) < 0) {
        s->understood = false;
        return constant(0);
    }
    if (rest) return fresh(s, 0, n.constant - 1);
    return fresh(s, bound(&a, false) / n.constant, bound(&a, true) / n.constant);
}

static Affine extreme(Scan *s, const LoopExpr *x, bool least)
{
    const Affine a = value_of(s, x->args[0]), b = value_of(s, x->args[1]);
    const int64_t lo[] = {bound(&a, false), bound(&b, false)};
    const int64_t hi[] = {bound(&a, true), bound(&b, true)};
    const int low = least ? lo[1] < lo[0] : lo[1] > lo[0];
    const int high = least ? hi[1] < hi[0] : hi[1] > hi[0];
    return fresh(s, lo[low], hi[high]);
}

static Affine value_of(Scan *s, const LoopExpr *x)
{
    Affine sum = {0};
    switch (x->kind) {
    case E_INT: return constant((int64_t)x->number);
    case E_VAR:
        if (x->var->known) return constant(x->var->value);
        for (int i = 0; i < s->bindings.count; i++)
            if (s->bindings.at[i].var == x->var) return s->bindings.at[i].value;
        add_term(s, &sum, (Term){x->var, 1, -far, far});
        return sum;
    case E_INDEX_ADD:
        for (int i = 0; i < 2; i++) {
            const Affine a = value_of(s, x->args[i]);
            add(s, &sum, &a, 1);
        }
        return sum;
    case E_INDEX_MUL: {
        const Affine a = value_of(s, x->args[0]), n = value_of(s, x->args[1]);
        if (!is_constant(&n) && !is_constant(&a)) s->understood = false;
        if (is_constant(&n)) add(s, &sum, &a, n.constant);
        else add(s, &sum, &n, a.constant);
        return sum;
    }
    case E_INDEX_DIV: return quotient(s, x, false);
    case E_INDEX_MOD: return quotient(s, x, true);
    case E_INDEX_MIN: return extreme(s, x, true);
    case E_INDEX_MAX: return extreme(s, x, false);
    default: return fresh(s, -far, far);
    }
}

static void bind(Scan *s, const Var *var, Affine value)
{
    vec_push(s->arena, s->bindings, ((Binding){var, value}));
}

/* A counter that starts where others stand and goes at most a constant further: those, and a
 * counter from 0 on. */
static bool follows(Scan *s, const LoopStmt *loop, const Affine *lo, const LoopExpr *hi)
{
    Affine length = value_of(s, hi);
    add(s, &length, lo, -1);
    if (!is_constant(&length) || is_constant(lo)) return false;
    Affine at = fresh(s, 0, (length.constant - 1) / loop->step * loop->step);
    add(s, &at, lo, 1);
    bind(s, loop->var, at);
    return true;
}

static void bind_counter(Scan *s, const LoopStmt *loop)
{
    const Affine lo = value_of(s, loop->lo), hi = value_of(s, loop->hi);
    if (follows(s, loop, &lo, loop->hi)) return;
    for (int i = 0; loop->hi->kind == E_INDEX_MIN && i < 2; i++)
        if (follows(s, loop, &lo, loop->hi->args[i])) return;
    const int64_t first = bound(&lo, false), end = bound(&hi, true);
    const int64_t last = first + (end - 1 - first) / loop->step * loop->step;
    Affine at = {0};
    add_term(s, &at, (Term){loop->var, 1, first, first <= -far || end >= far ? far : last});
    bind(s, loop->var, at);
}

/* ---- accesses ---- */

static bool is_own(const Buffer *buffer) { return buffer->local_floats || buffer->each; }

static void touch(Scan *s, const Buffer *buffer, const LoopExpr *index, int lanes, bool writes)
{
    if (is_own(buffer)) return;
    Access access = {buffer, value_of(s, index), writes};
    const Affine lane = fresh(s, 0, lanes - 1);
    add(s, &access.at, &lane, 1);
    vec_push(s->arena, s->accesses, access);
}

static void scan_expr(Scan *s, const LoopExpr *x)
{
    if (!x) return;
    if (x->kind == E_LOAD) touch(s, x->buffer, x->args[0], x->vector ? x->active : 1, false);
    for (int i = 0; i < x->arg_count; i++) scan_expr(s, x->args[i]);
}

static void touch_block(Scan *s, const Buffer *buffer, const LoopExpr *index, int64_t ld,
                        int64_t rows, int64_t columns, bool writes)
{
    if (is_own(buffer)) return;
    Access access = {buffer, value_of(s, index), writes};
    const Affine row = fresh(s, 0, rows - 1), column = fresh(s, 0, columns - 1);
    add(s, &access.at, &row, ld);
    add(s, &access.at, &column, 1);
    vec_push(s->arena, s->accesses, access);
}

static void scan_list(Scan *s, const LoopStmts *list);

static void scan_stmt(Scan *s, const LoopStmt *x)
{
    scan_expr(s, x->lo);
    scan_expr(s, x->hi);
    scan_expr(s, x->value);
    if (x->kind == S_FOR) bind_counter(s, x);
    if (x->kind == S_LET && x->var->type == LT_INDEX && !x->var->assigned)
        bind(s, x->var, value_of(s, x->value));
    if (x->kind == S_STORE) touch(s, x->buffer, x->index, x->value->vector ? x->active : 1, true);
    if (x->kind == S_TRANSPOSE) {
        touch_block(s, x->buffer, x->index, x->ld, x->cols, x->rows, true);
        touch_block(s, x->source, x->source_index, x->source_ld, x->rows, x->cols, false);
    }
    for (int i = 0; i < x->passed.count; i++) {
        const Handed *p = &x->passed.at[i];
        scan_expr(s, p->index);
        if (!p->rows) continue;
        touch_block(s, p->buffer, p->index, p->ld, p->rows, p->columns,
                    !x->callee->buffers.at[i]->constant);
    }
    if (x->kind == S_RETURN) s->understood = false;
    scan_list(s, &x->body);
    scan_list(s, &x->otherwise);
}

static void scan_list(Scan *s, const LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) scan_stmt(s, list->at[i]);
}

/* ---- apart ---- */

static const Term *find_term(const Affine *x, const Var *var)
{
    for (int i = 0; i < x->count; i++)
        if (x->term[i].var == var) return &x->term[i];
    return NULL;
}

static int64_t size(int64_t x) { return x < 0 ? -x : x; }

static int64_t common(int64_t a, int64_t b)
{
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t first_constant(const Scan *s, const Buffer *buffer)
{
    int i = 0;
    while (s->accesses.at[i].buffer != buffer) i++;
    return s->accesses.at[i].at.constant;
}

/* The largest M that all terms beside var's with factors of `least` or more are multiples of, and
 * so are the distances of the accesses from the first, if they are not less. */
static int64_t common_factor(const Scan *s, const Buffer *buffer, const Var *var, int64_t least)
{
    const int64_t first = first_constant(s, buffer);
    int64_t m = 0;
    for (int i = 0; i < s->accesses.count; i++) {
        const Access *a = &s->accesses.at[i];
        const int64_t apart = size(a->at.constant - first);
        if (a->buffer == buffer && apart >= least) m = common(apart, m);
        for (int t = 0; a->buffer == buffer && t < a->at.count; t++)
            if (a->at.term[t].var != var && size(a->at.term[t].factor) >= least)
                m = common(size(a->at.term[t].factor), m);
    }
    return m;
}

/* The span of the addresses without var and without multiples of m (0: with everything). */
static int64_t remainder_span(const Scan *s, const Buffer *buffer, const Var *var, int64_t m)
{
    const int64_t first = first_constant(s, buffer);
    int64_t lo = far, hi = -far;
    for (int i = 0; i < s->accesses.count; i++) {
        const Access *a = &s->accesses.at[i];
        const int64_t distance = a->at.constant - first;
        Affine rest = constant(m && distance % m == 0 ? 0 : distance);
        if (a->buffer != buffer) continue;
        for (int t = 0; t < a->at.count; t++)
            if (a->at.term[t].var != var && !(m && a->at.term[t].factor % m == 0))
                rest.term[rest.count++] = a->at.term[t];
        if (bound(&rest, false) < lo) lo = bound(&rest, false);
        if (bound(&rest, true) > hi) hi = bound(&rest, true);
    }
    return lo <= -far || hi >= far ? far : hi - lo;
}

static bool apart(const Scan *s, const Buffer *buffer, const LoopStmt *loop)
{
    const Term *counter = NULL;
    for (int i = 0; i < s->accesses.count; i++) {
        const Access *a = &s->accesses.at[i];
        if (a->buffer != buffer) continue;
        const Term *t = find_term(&a->at, loop->var);
        if (!t || t->factor <= 0 || (counter && t->factor != counter->factor)) return false;
        counter = t;
    }
    const int64_t step = counter->factor * loop->step;
    if (remainder_span(s, buffer, loop->var, 0) < step) return true;
    const int64_t m = common_factor(s, buffer, loop->var, step);
    const int64_t rest = remainder_span(s, buffer, loop->var, m);
    if (!m || rest >= step || counter->hi >= far) return false;
    return counter->factor * (counter->hi - counter->lo) + rest < m;
}

bool loop_iterations_apart(Arena *arena, const LoopStmt *top, const LoopStmt *loop)
{
    Scan s = {.arena = arena, .understood = true};
    scan_stmt(&s, top);
    for (int i = 0; s.understood && i < s.accesses.count; i++)
        if (s.accesses.at[i].writes && !apart(&s, s.accesses.at[i].buffer, loop)) return false;
    return s.understood;
}
