/* SPDX-License-Identifier: MIT
 * nn_confusion.h - which classes a classifier takes for which, counted over any number of batches.
 *
 * Counts are an array [classes][classes] of the caller, zeros at first: counts[t * classes + p]
 * rows of class t were taken for class p. */
#ifndef NN_CONFUSION_H
#define NN_CONFUSION_H
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counts `rows` more, of logits [rows][classes] (or probabilities) and labels [rows]: a row is
 * taken for its largest, the first of equals. Rows with a label outside 0..classes-1 do not
 * count. */
void nn_confusion_add(int64_t *counts, int classes, const float *logits, const int32_t *labels,
                      int64_t rows);

/* Share of all rows that were taken for what they are; 0 without rows. */
double nn_confusion_accuracy(const int64_t *counts, int classes);

/* Of the rows of a class, the share that was taken for it; and of those taken for it, the share
 * that is of it. 0 where there are none. */
double nn_confusion_recall(const int64_t *counts, int classes, int class_number);
double nn_confusion_precision(const int64_t *counts, int classes, int class_number);

/* A table with one line a class, its recall and precision behind; names: [classes], or NULL for
 * numbers. */
void nn_confusion_print(FILE *out, const int64_t *counts, int classes, const char *const *names);

#ifdef __cplusplus
}
#endif
#endif
