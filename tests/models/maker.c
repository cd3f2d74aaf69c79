/* What all families of steps share: choices, text, shapes; and the program around the steps. */
#include "maker.h"

#include <stdarg.h>
#include <string.h>

/* ---- choices ---- */

/* splitmix64 (G. Steele, D. Lea, C. Flood, 2014) */
static uint64_t next_bits(Maker *m)
{
    uint64_t z = m->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int64_t maker_below(Maker *m, int64_t count) { return (int64_t)(next_bits(m) % (uint64_t)count); }

bool maker_chance(Maker *m, int percent) { return maker_below(m, 100) < percent; }

int64_t maker_extent(Maker *m)
{
    static const int64_t extents[] = {1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 13, 16, 17, 19};
    return extents[maker_below(m, sizeof extents / sizeof *extents)];
}

const char *maker_word(Maker *m, const char *words)
{
    int64_t count = 1;
    for (const char *at = words; *at; at++) count += *at == ';';
    for (int64_t skip = maker_below(m, count); skip > 0; words++) skip -= *words == ';';
    const char *end = strchr(words, ';');
    return arena_printf(m->arena, "%.*s", (int)(end ? end - words : (long)strlen(words)), words);
}

Made maker_var(Maker *m)
{
    const int recent = m->vars.count < 3 ? m->vars.count : 3;
    const int64_t back = maker_chance(m, 70) ? maker_below(m, recent)
                                             : maker_below(m, m->vars.count);
    return m->vars.at[m->vars.count - 1 - back];
}

bool maker_rows(Maker *m, int least_rank, Made *out)
{
    for (int tries = 0; tries < 8; tries++) {
        Made v = maker_var(m);
        if (v.batch == NO_BATCH || v.rank < least_rank) continue;
        if (v.batch > 0) {
            int64_t order[MAX_RANK] = {v.batch};
            Made front = {.rank = v.rank};
            for (int i = 0, n = 1; i < v.rank; i++)
                if (i != v.batch) order[n++] = i;
            for (int i = 0; i < v.rank; i++) front.dim[i] = v.dim[order[i]];
            v = maker_add(m, front, "permute(%s, %s)", v.name, maker_list(m, v.rank, order));
        }
        *out = v;
        return true;
    }
    return false;
}

int maker_axis(Maker *m, const Made *v)
{
    const int others = v->rank - (v->batch != NO_BATCH);
    if (others == 0) return -1;
    const int axis = (int)maker_below(m, others);
    return v->batch != NO_BATCH && axis >= v->batch ? axis + 1 : axis;
}

/* ---- text ---- */

const char *maker_name(Maker *m, const char *letter)
{
    return arena_printf(m->arena, "%s%d", letter, m->names++);
}

void maker_line(Maker *m, const char *format, ...)
{
    va_list args;
    text_add(&m->out, m->indent);
    va_start(args, format);
    text_addv(&m->out, format, args);
    va_end(args);
    text_add(&m->out, "\n");
}

Made maker_add(Maker *m, Made shape, const char *format, ...)
{
    va_list args;
    shape.name = maker_name(m, "v");
    text_addf(&m->out, "%s%s = ", m->indent, shape.name);
    va_start(args, format);
    text_addv(&m->out, format, args);
    va_end(args);
    text_add(&m->out, ";\n");
    vec_push(m->arena, m->vars, shape);
    return shape;
}

const char *maker_list(Maker *m, int count, const int64_t *numbers)
{
    Text out = text_new(m->arena);
    for (int i = 0; i < count; i++)
        text_addf(&out, "%s%lld", i ? ", " : "[", (long long)numbers[i]);
    text_add(&out, count ? "]" : "[]");
    return out.at;
}

const char *maker_shape(Maker *m, const Made *v)
{
    Text out = text_new(m->arena);
    for (int i = 0; i < v->rank; i++) {
        text_add(&out, i ? ", " : "[");
        if (i == v->batch) text_add(&out, "batch");
        else text_addf(&out, "%lld", (long long)v->dim[i]);
    }
    text_add(&out, v->rank ? "]" : "[]");
    return out.at;
}

const char *maker_param(Maker *m, int rank, const int64_t *dim, double bound)
{
    const char *name = maker_name(m, "w");
    maker_line(m, "param %s: f32%s = uniform(-%g, %g);", name, rank ? maker_list(m, rank, dim) : "",
               bound, bound);
    return name;
}

/* ---- shapes ---- */

int64_t made_row(const Made *v)
{
    int64_t n = 1;
    for (int i = 0; i < v->rank; i++)
        if (i != v->batch) n *= v->dim[i];
    return n;
}

bool made_same(const Made *a, const Made *b)
{
    if (a->rank != b->rank || a->batch != b->batch) return false;
    return memcmp(a->dim, b->dim, sizeof *a->dim * (size_t)a->rank) == 0;
}

Made made_of(int rank, int batch, const int64_t *dim)
{
    Made v = {.rank = rank, .batch = batch};
    for (int i = 0; i < rank; i++) v.dim[i] = i == batch ? 0 : dim[i];
    return v;
}

Made made_drop(Made v, int axis)
{
    for (int i = axis; i + 1 < v.rank; i++) v.dim[i] = v.dim[i + 1];
    v.rank--;
    v.batch = v.batch == axis ? NO_BATCH : v.batch > axis ? v.batch - 1 : v.batch;
    return v;
}

Made made_insert(Made v, int axis, int64_t extent)
{
    for (int i = v.rank; i > axis; i--) v.dim[i] = v.dim[i - 1];
    v.dim[axis] = extent;
    v.rank++;
    if (v.batch >= axis) v.batch++;
    return v;
}

/* A divisor of n, any of them alike. */
static int64_t divisor(Maker *m, int64_t n)
{
    int64_t count = 0;
    for (int64_t d = 1; d <= n; d++) count += n % d == 0;
    for (int64_t d = 1, skip = maker_below(m, count);; d++)
        if (n % d == 0 && skip-- == 0) return d;
}

Made maker_reshaped(Maker *m, Made v, int rank)
{
    int64_t left = made_row(&v);
    Made to = {.rank = rank};
    if (v.rank == rank && maker_chance(m, 70)) return v;
    for (int i = 1; i < rank; i++) {
        to.dim[i] = i == rank - 1 ? left : divisor(m, left);
        left /= to.dim[i];
    }
    if (rank == 1) return v;
    return maker_add(m, to, "reshape(%s, %s)", v.name, maker_shape(m, &to));
}

const char *maker_fitted(Maker *m, const Made *u, const Made *want)
{
    if (made_same(u, want)) return u->name;
    if (u->rank == 0) return u->name;
    if (u->batch == NO_BATCH) return arena_printf(m->arena, "mean(%s)", u->name);
    Made ones = *want;
    for (int i = 1; i < ones.rank; i++) ones.dim[i] = 1;
    Text axes = text_new(m->arena);
    for (int i = 1; i < u->rank; i++) text_addf(&axes, "%s%d", i > 1 ? ", " : "", i);
    return u->rank == 1 ? arena_printf(m->arena, "reshape(%s, %s)", u->name, maker_shape(m, &ones))
                        : arena_printf(m->arena, "reshape(mean(%s, axis = [%s]), %s)", u->name,
                                       axes.at, maker_shape(m, &ones));
}

/* ---- the program ---- */

static void make_inputs(Maker *m)
{
    const int count = 1 + (int)maker_below(m, 3);
    for (int i = 0; i < count; i++) {
        Made v = {.name = maker_name(m, "x"), .rank = 2 + (int)maker_below(m, 3)};
        const bool bytes = maker_chance(m, 10);
        do
            for (int j = 1; j < v.rank; j++) v.dim[j] = maker_extent(m);
        while (made_row(&v) > MOST_IN_ROW / 2);
        maker_line(m, "input %s: %s%s;", v.name, bytes ? "u8" : "f32", maker_shape(m, &v));
        if (bytes) maker_add(m, v, "cast(%s, f32) / 255", v.name);
        else vec_push(m->arena, m->vars, v);
    }
}

void maker_step(Maker *m)
{
    static const Step *const families[] = {steps_maps,   steps_views,   steps_reductions,
                                           steps_layers, steps_windows, steps_sequences};
    enum { FAMILIES = sizeof families / sizeof *families };
    int64_t total = 0;
    for (int i = 0; i < FAMILIES; i++)
        for (const Step *s = families[i]; s->name; s++) total += s->weight;
    for (;;) {
        int64_t skip = maker_below(m, total);
        for (int i = 0; i < FAMILIES && skip >= 0; i++)
            for (const Step *s = families[i]; s->name && skip >= 0; s++)
                if ((skip -= s->weight) < 0 && s->make(m)) return;
    }
}

const char *maker_program(Arena *arena, const char *name, uint64_t seed, int steps, bool large)
{
    static const int64_t batches[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17};
    Maker m = {.arena = arena,
               .out = text_new(arena),
               .state = seed * 0x2545f4914f6cdd1du,
               .indent = "    "};
    int64_t infer = batches[maker_below(&m, 10)], train = batches[maker_below(&m, 10)];
    int longest = 2 + (int)maker_below(&m, 12);
    m.has_loss = !maker_chance(&m, 20);
    text_addf(&m.out, "model %s {\n", name);
    if (large || seed % LARGE_ONE_IN == LARGE_ONE_IN - 1) {
        longest /= 6;
        train = maker_large(&m);
        if (!m.has_loss) infer = train;
    } else {
        make_inputs(&m);
    }
    for (int i = 0; i < longest && i < steps; i++) maker_step(&m);
    m.state = seed;
    maker_finish(&m);
    text_addf(&m.out, "}\n\ninfer %s { batch = %lld; }\n", name, (long long)infer);
    if (m.has_loss) text_addf(&m.out, "train %s { batch = %lld; }\n", name, (long long)train);
    return m.out.at;
}
