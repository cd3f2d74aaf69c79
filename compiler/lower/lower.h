/* Lowering: each kernel of a plan becomes a loop function for one target. Identical loops are
 * emitted once.
 *
 *   rows.c      maps and reductions over one domain          contract.c   register-tiled products
 *   window.c    convolutions and pooling
 *   copy.c      another layout of a tensor                   gather.c     rows by index
 *   divide.c    parts for several threads                single.c     one sample as one of many
 */
#ifndef NNC_LOWER_LOWER_H
#define NNC_LOWER_LOWER_H
#include "kernel/kernel.h"
#include "loop/loop.h"
#include "target/target.h"

/* One call of an entry, in order. The function's formal buffers are, in order, the pointers to
 * pass: arguments.at[i]; then `count` if the function has a scalar of that name. */
typedef struct KernelCall {
    const Kernel *kernel;
    Function *function; /* NULL: a scan, whose body is called once a step */
    bool owns;          /* the first of those that call it */
    VEC(const Value *) arguments;
    struct LoweredEntry *body;
} KernelCall;

typedef struct LoweredEntry {
    const EntryPlan *plan;
    VEC(KernelCall) calls;
} LoweredEntry;

typedef struct Lowered {
    const Plan *plan;
    Program *program;          /* all functions of this target */
    VEC(LoweredEntry) entries; /* in the order of plan->entries */
} Lowered;

/* The first check of an index in the body of a scan, or NULL. It would come too late: an entry
 * refuses an index before it writes anything. The elaborator moves checks in front of the scan
 * where it can. */
const Node *lower_unsupported(const Module *module);

Lowered *lower_plan(Arena *arena, const Plan *plan, const Target *target);
/* Lets kernels of entries of one sample be those of many with a count of one. */
void lower_single(Lowered *lowered);
/* Divides the functions of kernels into parts for that many threads where `least` statements or
 * more run in a loop. A call of the threads costs about as much as LEAST_STATEMENTS. */
enum { LEAST_STATEMENTS = 2000 };
void lower_divide(Lowered *lowered, int threads, int64_t least);
#endif
