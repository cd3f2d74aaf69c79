/* What the templates of windows share. */
#ifndef NNC_LOWER_WINDOW_H
#define NNC_LOWER_WINDOW_H
#include "lower/context.h"
#include "lower/slide.h"

/* Loops over rows up to count, then over groups of channels; *group is the number of the group. */
typedef struct WindowLoops {
    int open;
    LoopExpr *row, *group;
} WindowLoops;

/* One group a channel: lanes and columns run over all of them. */
bool window_is_channelwise(const Window *w);

/* The channels along the lanes cut into panels of at most `most` vectors; the last vector may have
 * fewer `active`. */
typedef struct Panel {
    LoopExpr *first;
    int columns, active;
} Panel;
void window_panels(Lower *l, int64_t channels, int most,
                   void (*body)(void *context, const Panel *panel), void *context);

/* Lanes that may be read at once of a vector along `axis` with `active` in use: all where the rows
 * are padded. */
int window_lanes(const Lower *l, const View *view, Type type, int axis, int active);

/* Sums of channels that leave the kernel (window_sums.c): a vector of channels adds up each row of
 * the batch by itself, and the rows are added up at the end, so that they may run on several
 * threads. Variables by result, for the row and the channels of the panel, of one vector. */
Var **window_sums_begin(Lower *l);
void window_sum_step(Lower *l, Var *const *sums, int i); /* takes in what is at the current index */
void window_sums_end(Lower *l, Var *const *sums, const Panel *panel);
void window_sums_finish(Lower *l); /* behind the loops over rows */

/* Whether a result of the kernel is stored at each place, rather than reduced. */
bool window_stores(const Lower *l, int i);
/* Whether the window's own result is all that is stored. */
bool window_is_bare(const Lower *l);

/* Mean and variance of channels that leave the kernel (window_moments.c): where there are such
 * results, those of a row that is stored and still near, and of all rows behind the loops. */
void window_moments_row(Lower *l, LoopExpr *row);
void window_moments_finish(Lower *l);

/* A gradient of weights where threads share the rows of the batch (window_groups.c): each group of
 * rows has its own, and the result is their sum in the order of the groups. */
typedef struct RowGroups {
    const Value *pieces; /* NULL: there are no groups */
    LoopExpr *group, *first, *end;
} RowGroups;
/* Opens the loop over groups; pieces: scratch with a piece for each. */
RowGroups window_groups_begin(Lower *l, const Window *w, const Value *pieces);
LoopExpr *window_group_at(Lower *l, const RowGroups *g, const Value *of); /* where its piece is */
void window_groups_end(Lower *l, const RowGroups *g);

void lower_window_gather(Lower *l);   /* window_gather.c */
void lower_window_weight(Lower *l);   /* window_weight.c */
void lower_window_winograd(Lower *l); /* window_winograd.c */
void lower_window_pick(Lower *l);     /* window_pick.c */
#endif
