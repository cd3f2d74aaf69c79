/* Between the two halves of loop_divide: what is divided (divide.c), and the parts made of it
 * (parts.c). */
#ifndef NNC_LOOP_PARTS_H
#define NNC_LOOP_PARTS_H
#include "loop/loop.h"

enum {
    GROUPS = 4,     /* of the iterations of a sum: as many for any number of threads */
    MOST_LOOPS = 4, /* that are shared out as one */
    EACH = -1,      /* the part of a name, or of what fills scratch, that each makes for itself */
    SUMMED = -2     /* of a sum that stands by groups */
};

/* A variable that later parts read: one slot, or of a sum one a group. */
typedef struct Kept {
    const Var *var;
    int slot;
    bool by_groups;
} Kept;

typedef struct Divide {
    Arena *arena;
    Program *program;
    Function *whole;
    LoopStmts body; /* of the whole, blocks opened */
    int64_t batch, least;
    int *part_of; /* by statement of the whole */
    VEC(Kept) kept;
    int slots; /* of kept */
    Buffer *kept_in;
} Divide;

/* A loop to share out, in a statement at the top: the way down to it, and perfect nests below. */
typedef struct Shared {
    LoopStmt *top;
    LoopStmt *loop[MOST_LOOPS];
    int count;
    bool sums; /* the one loop adds up: to sums of groups of its iterations */
} Shared;

/* Whether it reads or sets the variable, or reads or writes the buffer; either may be NULL. */
bool part_uses(const LoopStmt *s, const Var *var, const Buffer *buffer);
bool part_uses_list(const LoopStmts *list, const Var *var, const Buffer *buffer);
bool part_sets(const LoopStmt *s, const Var *var);
bool part_declares(const LoopStmt *s, const Var *var);
bool part_expr_uses(const LoopExpr *x, const Var *var, const Buffer *buffer);
/* Every variable that `s` sets, `within` declares. */
bool part_sets_its_own(const LoopStmt *s, const LoopStmt *within);
bool part_writes(const LoopStmt *s, const Buffer *buffer);
/* How often a loop runs, as far as the numbers at hand tell: exactly where its ends are numbers. */
int64_t part_trips(const Divide *d, const LoopStmt *loop);
/* Where the loop ends: a number, or arithmetic on formals. */
LoopExpr *part_end(const Divide *d, const LoopStmt *loop);
/* Whether a variable of the top is used in a later part. */
bool part_used_after(const Divide *d, const Var *var, int part);

/* ---- own.c ---- */
/* A statement that fills scratch of each thread's own and does nothing else, from what no statement
 * changes. */
bool own_fills(const Divide *d, int i);
/* Local arrays and scratch carry nothing into the loop, from one iteration to another, or out of
 * it to another statement than `top`, which it is in. */
bool own_is_filled_first(const Divide *d, const LoopStmt *top, const LoopStmt *loop);

/* Whether the only scalars that leave the loop are sums, each from 0 and added to here alone
 * (sums.c). */
bool sums_alone(const Divide *d, const LoopStmt *top);
/* Whether the statement adds to this variable of the top, as sums_alone has found. */
bool sums_into(const LoopStmt *top, const Var *var);

/* All parts of d->whole, from part_of and kept, which are complete; shared: by statement. */
void parts_make(Divide *d, const Shared *shared);

#endif
