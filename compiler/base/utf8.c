/* Owns recognising UTF-8 sequences. */
#include "base/utf8.h"

#include <stdbool.h>

static size_t announced_length(unsigned char first)
{
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0;              /* a continuation, or an overlong form */
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

size_t utf8_length(const char *at, size_t left)
{
    const unsigned char *bytes = (const unsigned char *)at;
    size_t length = announced_length(bytes[0]);
    if (length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80) return 0;
    bool overlong = (bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xf0 && bytes[1] < 0x90);
    bool surrogate = bytes[0] == 0xed && bytes[1] > 0x9f;
    bool beyond_last = bytes[0] == 0xf4 && bytes[1] > 0x8f;
    return overlong || surrogate || beyond_last ? 0 : length;
}
