/* Names and formulas of kernels, from what the source called things. */
#ifndef NNC_KERNEL_DESCRIBE_H
#define NNC_KERNEL_DESCRIBE_H
#include "kernel/kernel.h"

/* "hidden", "fc1_relu"; not yet an identifier. */
const char *describe_node_name(const EntryPlan *entry, const Node *node);
/* "fc1_relu", "d_hidden": an identifier. */
const char *describe_kernel_name(const EntryPlan *entry, const Kernel *k);
/* "hidden = relu(image @ fc1.weight.T + fc1.bias)", of result i (formula.c). */
char *describe_formula(Arena *arena, const EntryPlan *entry, const Kernel *k, int i);
/* A line each, "\nfc1 = image @ fc1.weight.T", for values that formulas of the kernel name, but
 * that are not stored. */
void describe_inner(Text *out, const EntryPlan *entry, const Kernel *k);
/* "[128,784] x [784,128] -> [128,128]", the operands as in the formula. */
char *describe_shapes(Arena *arena, const Node *product);
/* The extents in the order of memory, rows with their padding: "[784][144]". NULL where that is the
 * logical order. */
const char *describe_stored_order(Arena *arena, Type type, const int64_t *stride);
/* One line a result, with the place in the source behind the first; then what a reader of the loops
 * cannot see: shapes of a product, and parameters that are stored in another order. */
char *describe_kernel(Arena *arena, const EntryPlan *entry, const Kernel *k);
/* The text with everything that C does not allow in a name made an underscore. */
const char *describe_identifier(Arena *arena, const char *text);
#endif
