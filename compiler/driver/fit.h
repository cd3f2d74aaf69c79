/* --max-workspace: a plan within a limit. */
#ifndef NNC_DRIVER_FIT_H
#define NNC_DRIVER_FIT_H
#include "driver/compile.h"

/* Requires a plan. Where entries with gradients take more than the limit, plans again with more
 * that is computed again, and takes the first plan that fits. False after an error that says by how
 * much none does. */
bool fit_workspace(Compilation *c);
#endif
