/* Names and formulas of kernels, from what the source called things. */
#ifndef NNC_KERNEL_DESCRIBE_H
#define NNC_KERNEL_DESCRIBE_H
#include "kernel/kernel.h"

const char *describe_node_name(const EntryPlan *entry, const Node *node);
const char *describe_kernel_name(const EntryPlan *entry, const Kernel *k);
/* "hidden = relu(image @ fc1.weight.T + fc1.bias)", one line a result, and where the source says so. */
char *describe_kernel(Arena *arena, const EntryPlan *entry, const Kernel *k);
#endif
