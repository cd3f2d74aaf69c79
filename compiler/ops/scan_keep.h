/* What a scan keeps of its steps for the way back. */
#ifndef NNC_OPS_SCAN_KEEP_H
#define NNC_OPS_SCAN_KEEP_H
#include "ops/op.h"

/* Sets kept[id] for the nodes of owner's step that are to be saved, and tells how many they are.
 * needed[id]: the step back reads the value. products_only: where memory is scarce, or attributes
 * have no room for more; what else the gradient needs is then made of the sequences. */
int scan_choose_kept(const Node *owner, const bool *needed, bool products_only, bool *kept);
#endif
