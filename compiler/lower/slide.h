/* One axis of a window as lowering walks it, the same for an operation and for its adjoint:
 * position `first + i * step` of the result gathers, with tap j, entry `i * source_step + offset +
 * j * offset_step` of the source. An adjoint with stride s goes in s phases, each with the taps
 * that reach it, so that its loops gather too and nothing is added up in memory. */
#ifndef NNC_LOWER_SLIDE_H
#define NNC_LOWER_SLIDE_H
#include "lower/context.h"
#include "ops/window.h"

typedef struct Slide {
    int64_t first, step, count;  /* of the result's positions: i in [0, count) */
    int64_t source, source_step; /* extent of the source; entries from one position to the next */
    int64_t taps, offset, offset_step;
    int64_t weight, weight_step; /* tap j is weight + j * weight_step of the window */
    int64_t before, after;       /* zeros around the source that count as entries */
} Slide;

Slide slide_forward(const WindowAxis *axis);                /* result: out, source: in */
Slide slide_adjoint(const WindowAxis *axis, int64_t phase); /* result: in, source: out */

/* Whether tap j of position i meets an entry, not padding. */
bool slide_meets(const Slide *s, int64_t i, int64_t tap);
bool slides_are_whole(const Slide *phases, int64_t count, int64_t i);
/* The taps that position `i` meets, [*lo, *hi). */
void slide_taps(LoopBuilder *b, const Slide *s, LoopExpr *i, LoopExpr **lo, LoopExpr **hi);
/* The positions that meet an entry with tap `tap`, [*lo, *hi). */
void slide_positions(LoopBuilder *b, const Slide *s, LoopExpr *tap, LoopExpr **lo, LoopExpr **hi);
LoopExpr *slide_entry(LoopBuilder *b, const Slide *s, LoopExpr *i, LoopExpr *tap);
LoopExpr *slide_weight(LoopBuilder *b, const Slide *s, LoopExpr *tap);
LoopExpr *slide_result(LoopBuilder *b, const Slide *s, LoopExpr *i);

/* The axis cut into tiles of nearly equal size: runs of whole tiles, and single ones that have
 * padding under some window. */
typedef struct SlideTiles {
    int64_t begin, size, count;
    bool whole;
} SlideTiles;
int slide_tiles(Arena *arena, const Slide *s, int64_t most, SlideTiles **tiles);

/* The axis cut into runs of positions that meet the same taps, [lo, hi). */
typedef struct SlideRun {
    int64_t begin, count, lo, hi;
} SlideRun;
int slide_runs(Arena *arena, const Slide *s, SlideRun **runs);
#endif
