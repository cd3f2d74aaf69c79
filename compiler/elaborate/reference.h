/* docs/operations.md: every primitive, builtin and library block, from the tables and files that
 * define them. */
#ifndef NNC_ELABORATE_REFERENCE_H
#define NNC_ELABORATE_REFERENCE_H
#include "base/text.h"

/* The same bytes every time. A library block without a comment above it gets no line: see
 * reference_undocumented. */
void reference_print(Text *out);
/* The first block of the library without a comment, or NULL. */
const char *reference_undocumented(Arena *arena);
#endif
