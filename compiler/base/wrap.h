/* Long lines of generated C, broken at 100 columns. */
#ifndef NNC_BASE_WRAP_H
#define NNC_BASE_WRAP_H
#include "base/text.h"

enum { WRAP_COLUMNS = 100 };

/* One statement or declaration (without newlines) at the given indent, then a newline. It is broken
 * after commas and before operators, as far outside parentheses as it can; what follows stands
 * under the parenthesis that is open if that is near, or four columns in from that one's line. */
void wrap_code(Text *out, int indent, const char *line);

/* `text` as a block comment at the given indent, then a newline. Newlines of the text break lines
 * too, and the blanks that a line begins with indent all of it. */
void wrap_comment(Text *out, int indent, const char *text);
/* Its lines alone, each after " * ": a piece of a comment that the caller opens and closes. */
void wrap_comment_lines(Text *out, const char *text);
#endif
