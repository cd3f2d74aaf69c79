/* SPDX-License-Identifier: MIT
 * nn_pages.h - large pages for large arrays, where the system has them. */
#ifndef NN_PAGES_H
#define NN_PAGES_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Asks for pages of 2 MB under an array of 4 MB or more, before it is first written: a training
 * step that walks through tens of megabytes then finds each address in the processor's table of
 * pages. Only a hint: without an effect where the system has no such pages (or is not Linux), and
 * on NULL. */
void nn_pages_large(void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
