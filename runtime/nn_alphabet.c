/* SPDX-License-Identifier: MIT
 * nn_alphabet.c - characters as numbers. */
#include "nn_alphabet.h"

#include <string.h>

static void add(nn_alphabet *alphabet, int byte) {
    alphabet->numbers[byte] = alphabet->count;
    alphabet->bytes[alphabet->count++] = (unsigned char)byte;
}

static void empty(nn_alphabet *alphabet) {
    memset(alphabet, 0, sizeof *alphabet);
    for (int i = 0; i < 256; i++) alphabet->numbers[i] = -1;
}

void nn_alphabet_of(nn_alphabet *alphabet, const unsigned char *text, size_t size) {
    char seen[256] = { 0 };
    empty(alphabet);
    for (size_t i = 0; i < size; i++) seen[text[i]] = 1;
    for (int byte = 0; byte < 256; byte++)
        if (seen[byte]) add(alphabet, byte);
}

void nn_alphabet_bytes(nn_alphabet *alphabet) {
    empty(alphabet);
    for (int byte = 0; byte < 256; byte++) add(alphabet, byte);
}

int nn_alphabet_record(const nn_alphabet *alphabet, nn_fitted *fitted, const char *part,
                       nn_error *error) {
    float values[256];
    for (int i = 0; i < alphabet->count; i++) values[i] = (float)alphabet->bytes[i];
    return nn_fitted_put(fitted, part, "alphabet", values, alphabet->count, error);
}

int nn_alphabet_recall(nn_alphabet *alphabet, const nn_fitted *fitted, const char *part,
                       nn_error *error) {
    const nn_fit *fit = nn_fitted_get(fitted, part, "alphabet");
    empty(alphabet);
    if (!fit) return nn_fail(error, NN_ERR_MISSING, "no alphabet was recorded for '%s'", part);
    for (int64_t i = 0; i < fit->count; i++) {
        int byte = (int)fit->values[i];
        if (byte < 0 || byte > 255 || alphabet->numbers[byte] >= 0)
            return nn_fail(error, NN_ERR_FORMAT, "the alphabet of '%s' is damaged", part);
        add(alphabet, byte);
    }
    return NN_OK;
}
