/* Between the two halves of loop_divide: what is divided (divide.c), and the parts made of it
 * (parts.c). */
#ifndef NNC_LOOP_PARTS_H
#define NNC_LOOP_PARTS_H
#include "loop/loop.h"

enum {
    MOST_LOOPS = 4,                  /* that are shared out as one */
    EACH = -1                        /* the part of a name that each part makes for itself */
};

typedef struct Divide {
    Arena *arena;
    Program *program;
    Function *whole;
    LoopStmts body;                  /* of the whole, blocks opened */
    int64_t batch, least;
    int *part_of;                    /* by statement of the whole */
    VEC(const Var *) kept;           /* slot by slot */
    Buffer *kept_in;
} Divide;

/* A loop to share out, in a statement at the top: the way down to it, and perfect nests below. */
typedef struct Shared {
    LoopStmt *top;
    LoopStmt *loop[MOST_LOOPS];
    int count;
} Shared;

/* Whether it reads or sets the variable, or reads or writes the buffer; either may be NULL. */
bool part_uses(const LoopStmt *s, const Var *var, const Buffer *buffer);
bool part_uses_list(const LoopStmts *list, const Var *var, const Buffer *buffer);
bool part_sets(const LoopStmt *s, const Var *var);
bool part_declares(const LoopStmt *s, const Var *var);
/* How often a loop runs, as far as the numbers at hand tell: exactly where its ends are numbers. */
int64_t part_trips(const Divide *d, const LoopStmt *loop);
/* Whether a variable of the top is used in a later part. */
bool part_used_after(const Divide *d, const Var *var, int part);

/* All parts of d->whole, from part_of and kept, which are complete; shared: by statement. */
void parts_make(Divide *d, const Shared *shared);

#endif
