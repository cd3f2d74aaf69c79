/* SPDX-License-Identifier: MIT
 * nn_report.c - progress on stderr. */
#include "nn_report.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void nn_report_start(nn_report *report, int quiet, int64_t epoch_steps) {
    report->on = !quiet;
    report->terminal = isatty(STDERR_FILENO);
    report->epoch_start = report->last_shown = now();
    report->epoch_steps = epoch_steps;
}

static void show_epoch(const nn_progress *p) {
    fprintf(stderr, "epoch %lld/%lld", (long long)p->epoch + 1, (long long)p->epochs);
}

static void show_bar(int64_t done, int64_t all) {
    char bar[BAR + 1];
    int64_t filled = done * BAR / all;
    for (int i = 0; i < BAR; i++) bar[i] = i < filled ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, " [%s]", bar);
}

void nn_report_step(nn_report *report, const nn_progress *p) {
    int64_t done = p->step - p->epoch * report->epoch_steps;
    double time = report->on ? now() : 0;
    char text[512];
    if (!report->on || time - report->last_shown < (report->terminal ? 0.1 : 10)) return;
    report->last_shown = time;
    if (report->terminal) fputc('\r', stderr);
    show_epoch(p);
    if (report->terminal) show_bar(done, report->epoch_steps);
    fprintf(stderr, " %lld/%lld  %s%s", (long long)done, (long long)report->epoch_steps,
            nn_scores_text(p->train, text, sizeof text), report->terminal ? "\x1b[K" : "\n");
    fflush(stderr);
}

void nn_report_epoch(nn_report *report, const nn_progress *p) {
    char text[512];
    double time = now();
    if (report->on) {
        if (report->terminal) fprintf(stderr, "\r\x1b[K");
        show_epoch(p);
        fprintf(stderr, "  train: %s", nn_scores_text(p->train, text, sizeof text));
        if (p->validate)
            fprintf(stderr, "  validate: %s%s", nn_scores_text(p->validate, text, sizeof text),
                    p->best_epoch == p->epoch ? " (best)" : "");
        fprintf(stderr, "  %.2f s\n", time - report->epoch_start);
    }
    report->epoch_start = report->last_shown = time;
}
