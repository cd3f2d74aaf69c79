/* SPDX-License-Identifier: MIT
 * nn_pages.c - large pages for large arrays. */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "nn_pages.h"

#include <stdint.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

enum { LARGE_ARRAY = 4 << 20, SMALL_PAGE = 4096 };

void nn_pages_large(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
    const uintptr_t from = ((uintptr_t)memory + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE;
    const uintptr_t to = ((uintptr_t)memory + bytes) / SMALL_PAGE * SMALL_PAGE;
    if (memory && bytes >= LARGE_ARRAY) (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}
