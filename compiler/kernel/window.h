/* What the parts of the plan around windows share: window.c and winograd.c. */
#ifndef NNC_KERNEL_WINDOW_H
#define NNC_KERNEL_WINDOW_H
#include "kernel/kernel.h"
#include "ops/window.h"

/* ---- window.c ---- */
Window window_in(const EntryPlan *entry, const Node *node);
int64_t window_padded(int64_t channels); /* to whole vectors of any target */
/* Sums over the batch that threads share: by groups of rows, as many for any number of threads, and
 * no more than the cache holds. bytes: of one group's sums. 0: one sum for all. */
int window_count_groups(const Window *w, int64_t bytes);
/* What the groups add up to, each for itself, laid out as the result is. */
void window_add_groups(EntryPlan *entry, Kernel *k, int groups);

/* ---- winograd.c ---- */
/* How far tiles reach beyond what is cut into them, where zeros must lie: for the gradient by the
 * weights, which reads whole tiles of both operands. */
int64_t winograd_beyond(const Window *w, int axis);
/* The kernel takes the form; its scratch. Then, once its operands are known, where its weights are
 * transformed beforehand, a kernel in front that does. */
void winograd_plan(EntryPlan *entry, Kernel *k, const Window *w);
void winograd_plan_early(EntryPlan *entry, Kernel *k, const Window *w);
#endif
