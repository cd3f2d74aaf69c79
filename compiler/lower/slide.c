/* One axis of a window: which taps meet which entries, as numbers and as index arithmetic. */
#include "lower/slide.h"

#include "lower/tile.h"

Slide slide_forward(const WindowAxis *a)
{
    return (Slide){.step = 1, .count = a->out, .source = a->in, .source_step = a->stride,
                   .taps = a->taps, .offset = -a->before, .offset_step = a->dilation,
                   .weight_step = 1};
}

static int64_t remainder_of(int64_t n, int64_t by)
{
    return (n % by + by) % by;
}

/* Entry p = phase + i * stride gathers position (p + before - k * dilation) / stride of the
 * source for every tap k that leaves no remainder. */
Slide slide_adjoint(const WindowAxis *a, int64_t phase)
{
    int64_t first = 0, period = 1;
    const int64_t shift = phase + a->before;
    while (first < a->taps && remainder_of(shift - first * a->dilation, a->stride)) first++;
    while (period * a->dilation % a->stride) period++;
    return (Slide){.first = phase, .step = a->stride,
                   .count = a->in > phase ? (a->in - phase - 1) / a->stride + 1 : 0,
                   .source = a->out, .source_step = 1,
                   .taps = first < a->taps ? (a->taps - first - 1) / period + 1 : 0,
                   .offset = first < a->taps ? (shift - first * a->dilation) / a->stride : 0,
                   .offset_step = -period * a->dilation / a->stride,
                   .weight = first, .weight_step = period};
}

bool slide_meets(const Slide *s, int64_t i, int64_t tap)
{
    const int64_t entry = i * s->source_step + s->offset + tap * s->offset_step;
    return entry >= -s->before && entry < s->source + s->after;
}

static bool slide_is_whole(const Slide *s, int64_t i)
{
    return !s->taps || (slide_meets(s, i, 0) && slide_meets(s, i, s->taps - 1));
}

bool slides_are_whole(const Slide *phases, int64_t count, int64_t i)
{
    for (int64_t p = 0; p < count; p++)
        if (!slide_is_whole(&phases[p], i)) return false;
    return true;
}

static LoopExpr *named(LoopBuilder *b, const char *name, LoopExpr *x)
{
    return x->kind == E_INT ? x : x_var(b, loop_let(b, name, x));
}

/* [*lo, *hi) of j in [0, count) with 0 <= start + j * step < extent. Division rounds toward zero,
 * which is down where it matters: what is below 0 is cut off at 0. */
static void within(LoopBuilder *b, LoopExpr *start, int64_t step, int64_t extent, int64_t count,
                   LoopExpr **lo, LoopExpr **hi)
{
    const int64_t size = step < 0 ? -step : step;
    LoopExpr *below, *above;
    if (step > 0) {
        below = x_add(b, x_mul(b, start, -1), x_int(b, size - 1));
        above = x_add(b, x_mul(b, start, -1), x_int(b, extent - 1 + size));
    } else {
        below = x_add(b, start, x_int(b, size - extent));
        above = x_add(b, start, x_int(b, size));
    }
    *lo = named(b, "first", x_max(b, x_div(b, below, size), x_int(b, 0)));
    *hi = named(b, "end", x_min(b, x_div(b, above, size), x_int(b, count)));
}

static bool always_whole(const Slide *s)
{
    return s->count && slide_is_whole(s, 0) && slide_is_whole(s, s->count - 1);
}

void slide_taps(LoopBuilder *b, const Slide *s, LoopExpr *i, LoopExpr **lo, LoopExpr **hi)
{
    *lo = x_int(b, 0);
    *hi = x_int(b, s->taps);
    if (always_whole(s)) return;
    LoopExpr *start = x_add(b, x_mul(b, i, s->source_step), x_int(b, s->offset));
    within(b, start, s->offset_step, s->source, s->taps, lo, hi);
}

void slide_positions(LoopBuilder *b, const Slide *s, LoopExpr *tap, LoopExpr **lo, LoopExpr **hi)
{
    *lo = x_int(b, 0);
    *hi = x_int(b, s->count);
    if (always_whole(s)) return;
    LoopExpr *start = x_add(b, x_mul(b, tap, s->offset_step), x_int(b, s->offset));
    within(b, start, s->source_step, s->source, s->count, lo, hi);
}

LoopExpr *slide_entry(LoopBuilder *b, const Slide *s, LoopExpr *i, LoopExpr *tap)
{
    LoopExpr *at = x_add(b, x_mul(b, i, s->source_step), x_int(b, s->offset));
    return x_add(b, at, x_mul(b, tap, s->offset_step));
}

LoopExpr *slide_weight(LoopBuilder *b, const Slide *s, LoopExpr *tap)
{
    return x_add(b, x_mul(b, tap, s->weight_step), x_int(b, s->weight));
}

LoopExpr *slide_result(LoopBuilder *b, const Slide *s, LoopExpr *i)
{
    return x_add(b, x_mul(b, i, s->step), x_int(b, s->first));
}

static bool tile_is_whole(const Slide *s, int64_t begin, int64_t size)
{
    return slide_is_whole(s, begin) && slide_is_whole(s, begin + size - 1);
}

int slide_tiles(Arena *arena, const Slide *s, int64_t most, SlideTiles **tiles)
{
    Share runs[2];
    int n = 0;
    const int run_count = share_evenly(s->count, most, runs);
    *tiles = arena_array(arena, SlideTiles, s->count + 1);
    for (int r = 0; r < run_count; r++)
        for (int64_t t = 0; t < runs[r].count; t++) {
            const int64_t begin = runs[r].begin + t * runs[r].size;
            const bool whole = tile_is_whole(s, begin, runs[r].size);
            SlideTiles *last = n ? &(*tiles)[n - 1] : NULL;
            if (last && last->whole && whole && last->size == runs[r].size) last->count++;
            else (*tiles)[n++] = (SlideTiles){begin, runs[r].size, 1, whole};
        }
    return n;
}

int slide_runs(Arena *arena, const Slide *s, SlideRun **runs)
{
    int n = 0;
    *runs = arena_array(arena, SlideRun, s->count + 1);
    for (int64_t i = 0; i < s->count; i++) {
        int64_t lo = 0, hi = s->taps;
        while (lo < hi && !slide_meets(s, i, lo)) lo++;
        while (lo < hi && !slide_meets(s, i, hi - 1)) hi--;
        SlideRun *last = n ? &(*runs)[n - 1] : NULL;
        if (last && last->lo == lo && last->hi == hi) last->count++;
        else (*runs)[n++] = (SlideRun){i, 1, lo, hi};
    }
    return n;
}
