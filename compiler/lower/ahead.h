/* Memory that will be streamed through next is asked for while a product computes: a share with
 * each of its tiles, so that no more lines are under way at a time than a core can wait for. */
#ifndef NNC_LOWER_AHEAD_H
#define NNC_LOWER_AHEAD_H
#include "loop/loop.h"

typedef struct Ahead {
    Buffer *buffer;
    LoopExpr *first; /* element */
    int64_t floats;  /* from there on; 0: nothing */
} Ahead;

/* `floats` from `first` on, but not from further than `last`. */
Ahead ahead_of(LoopBuilder *b, Buffer *buffer, const char *name, LoopExpr *first, LoopExpr *last,
               int64_t floats);
#endif
