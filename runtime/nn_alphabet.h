/* SPDX-License-Identifier: MIT
 * nn_alphabet.h - the characters of a text data set and their numbers. A character is a byte.
 *
 * An alphabet is what preparation fits: it is saved with the weights as "data/PART/alphabet", the
 * byte of each number in order. */
#ifndef NN_ALPHABET_H
#define NN_ALPHABET_H
#include "nn_fitted.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_alphabet {
    int count;
    unsigned char bytes[256];        /* by number */
    int numbers[256];                /* by byte; -1: not in the alphabet */
} nn_alphabet;

/* The bytes that occur, in ascending order. */
void nn_alphabet_of(nn_alphabet *alphabet, const unsigned char *text, size_t size);

/* Every byte is its own number. */
void nn_alphabet_bytes(nn_alphabet *alphabet);

int nn_alphabet_record(const nn_alphabet *alphabet, nn_fitted *fitted, const char *part,
                       nn_error *error);

/* What was recorded for a part; NN_ERR_MISSING where nothing was. */
int nn_alphabet_recall(nn_alphabet *alphabet, const nn_fitted *fitted, const char *part,
                       nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
