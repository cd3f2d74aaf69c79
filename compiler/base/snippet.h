/* The source line of a diagnostic with a mark under the text it is about. */
#ifndef NNC_BASE_SNIPPET_H
#define NNC_BASE_SNIPPET_H
#include <stdio.h>
#include "base/diag.h"

/* Requires a span with a source. A span over several lines is marked to the end of its first;
 * of a very long line only the surroundings are shown. */
void snippet_print(Span span, FILE *out);
#endif
