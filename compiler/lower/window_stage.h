/* What the stages of windows share: Winograd's, and the moments of what a window stores. */
#ifndef NNC_LOWER_WINDOW_STAGE_H
#define NNC_LOWER_WINDOW_STAGE_H
#include "lower/window.h"

/* A stage for windows of this size, whose strides are numbers in its machine code, around one whose
 * text all sizes share. */
void window_stage_begin(LoopBuilder *b, const char *name, const char *comment);
void window_stage_end(LoopBuilder *b);

/* Vectors of channels from 0 on, the last perhaps with fewer active; a loop even over one, so that
 * windows of any number of channels have it. */
void window_vectors(Lower *l, int64_t channels,
                    void (*body)(void *context, const Panel *panel), void *context);

int window_width(const Lower *l); /* of a vector; 1: scalars */
LoopExpr *window_load(Lower *l, Buffer *buffer, LoopExpr *at, int active);
void window_store(Lower *l, Buffer *buffer, LoopExpr *at, LoopExpr *x, int active);
#endif
