/* UTF-8 as far as a compiler needs it: where a character ends. */
#ifndef NNC_BASE_UTF8_H
#define NNC_BASE_UTF8_H
#include <stddef.h>

/* Bytes of the character at `at`, of which `left` >= 1 remain; 0 if no valid character begins
 * there. */
size_t utf8_length(const char *at, size_t left);
#endif
