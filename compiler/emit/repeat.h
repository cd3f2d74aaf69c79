/* Calls of an entry that repeat from layer to layer, printed as one loop. */
#ifndef NNC_EMIT_REPEAT_H
#define NNC_EMIT_REPEAT_H
#include "emit/emit.h"

/* What one argument of the repeated calls is in each pass: pieces of one array. */
typedef struct RepeatLocal {
    const Value **at; /* [times] */
    const char *name; /* "h_i_mul" */
} RepeatLocal;

/* calls.at[begin] .. at[begin + period - 1], and the same functions on other memory behind them,
 * `times` in all. Passes are numbered as the source numbers its layers: first, first + step, ... */
typedef struct Repeat {
    const LoweredEntry *entry;
    int begin, period, times;
    int64_t first;
    int step; /* 1 or -1 */
    const char *i; /* the name of the number */
    VEC(RepeatLocal) locals;
} Repeat;
typedef VEC(Repeat) Repeats;

/* All repeats of an entry that a reader would rather see as loops, in order; none in short ones. */
Repeats emit_repeats(const Emission *e, const LoweredEntry *entry);
/* The one that begins at a call, or NULL. */
const Repeat *repeat_at(const Repeats *repeats, int call);
/* Whether the calls outside of loops, or all passes alike, use a value. */
bool repeat_leaves(const Repeats *repeats, const LoweredEntry *entry, const Value *v);
/* "for (...) {" with the pointers of a pass, indented; and how many braces that is. */
void repeat_open(Text *out, const Emission *e, const Repeat *r, int indent);
int repeat_depth(const Repeat *r);
/* The name of an argument of a call of the first pass. */
const char *repeat_name(const Emission *e, const Repeat *r, const Value *v);
/* The texts of all passes as one, with the name of the number where they differ, or those of all
 * but the first and the last; NULL if they differ otherwise. */
const char *repeat_most(Arena *arena, const Repeat *r, const char *const *texts);
/* The names of all passes as one with "%d" for the number of the pass and *ahead, or those of all
 * but the last, which is called otherwise (*last, else NULL); NULL: they are not numbered so. */
const char *repeat_layer(Arena *arena, const Repeat *r, const char *const *names, int64_t *ahead,
                         const char **last);
#endif
