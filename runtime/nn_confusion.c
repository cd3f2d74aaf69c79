/* SPDX-License-Identifier: MIT
 * nn_confusion.c - counts of what was taken for what. */
#include "nn_confusion.h"

#include <string.h>

void nn_confusion_add(int64_t *counts, int classes, const float *logits, const int32_t *labels,
                      int64_t rows) {
    for (int64_t i = 0; i < rows; i++) {
        const float *row = logits + i * classes;
        int best = 0;
        if (labels[i] < 0 || labels[i] >= classes) continue;
        for (int c = 1; c < classes; c++)
            if (row[c] > row[best]) best = c;
        counts[(int64_t)labels[i] * classes + best]++;
    }
}

static double share(int64_t part, int64_t all) {
    return all > 0 ? (double)part / (double)all : 0;
}

double nn_confusion_accuracy(const int64_t *counts, int classes) {
    int64_t right = 0, all = 0;
    for (int t = 0; t < classes; t++) {
        right += counts[(int64_t)t * classes + t];
        for (int p = 0; p < classes; p++) all += counts[(int64_t)t * classes + p];
    }
    return share(right, all);
}

double nn_confusion_recall(const int64_t *counts, int classes, int class_number) {
    const int64_t *row = counts + (int64_t)class_number * classes;
    int64_t all = 0;
    for (int p = 0; p < classes; p++) all += row[p];
    return share(row[class_number], all);
}

double nn_confusion_precision(const int64_t *counts, int classes, int class_number) {
    int64_t all = 0;
    for (int t = 0; t < classes; t++) all += counts[(int64_t)t * classes + class_number];
    return share(counts[(int64_t)class_number * classes + class_number], all);
}

/* ---- the table ---- */

static int digits(int64_t n) {
    int count = 1;
    while ((n /= 10) > 0) count++;
    return count;
}

static void print_name(FILE *out, int width, int class_number, const char *const *names) {
    if (names) fprintf(out, "%*s", width, names[class_number]);
    else fprintf(out, "%*d", width, class_number);
}

static int widest_name(int classes, const char *const *names) {
    int width = digits(classes - 1);
    for (int i = 0; names && i < classes; i++)
        if ((int)strlen(names[i]) > width) width = (int)strlen(names[i]);
    return width;
}

void nn_confusion_print(FILE *out, const int64_t *counts, int classes, const char *const *names) {
    const int name = widest_name(classes, names);
    int width = name;
    for (int64_t i = 0; i < (int64_t)classes * classes; i++)
        if (digits(counts[i]) > width) width = digits(counts[i]);
    fprintf(out, "%*s", name, "");
    for (int p = 0; p < classes; p++) {
        fputs("  ", out);
        print_name(out, width, p, names);
    }
    fputs("  recall  precision\n", out);
    for (int t = 0; t < classes; t++) {
        print_name(out, name, t, names);
        for (int p = 0; p < classes; p++)
            fprintf(out, "  %*lld", width, (long long)counts[(int64_t)t * classes + p]);
        fprintf(out, "  %6.3f  %9.3f\n", nn_confusion_recall(counts, classes, t),
                nn_confusion_precision(counts, classes, t));
    }
}
