/* SPDX-License-Identifier: MIT
 * nn_log.c - the CSV log of a run. */
#include "nn_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct nn_log {
    FILE *stream;
    char path[256];
};

static int failed(const nn_log *log, int code, nn_error *error) {
    int reason = errno;
    nn_error_at(error, log->path, -1, -1, -1);
    return nn_fail(error, code, "cannot write the log: %s", strerror(reason));
}

static void write_names(nn_log *log, const char *prefix, const nn_scores *names) {
    fprintf(log->stream, ",%sloss", prefix);
    for (int i = 0; i < names->metric_count; i++)
        fprintf(log->stream, ",%s%s", prefix, names->names[i]);
}

static void write_scores(nn_log *log, const nn_scores *scores) {
    fprintf(log->stream, ",%.9g", nn_scores_loss(scores));
    for (int i = 0; i < scores->metric_count; i++)
        fprintf(log->stream, ",%.9g", nn_scores_metric(scores, i));
}

/* Cuts the file where the checkpoint left it; a shorter file is not the one that belongs to it. */
static int cut(nn_log *log, int64_t at, nn_error *error) {
    long size;
    if (fseek(log->stream, 0, SEEK_END) || (size = ftell(log->stream)) < 0)
        return failed(log, NN_ERR_READ, error);
    if (size < at) {
        nn_error_at(error, log->path, -1, -1, -1);
        return nn_fail(error, NN_ERR_TRUNCATED, "the log has %ld bytes; the checkpoint knows of "
                       "%lld", size, (long long)at);
    }
    if (ftruncate(fileno(log->stream), (off_t)at) || fseek(log->stream, (long)at, SEEK_SET))
        return failed(log, NN_ERR_WRITE, error);
    return NN_OK;
}

int nn_log_open(nn_log **out, const char *path, int64_t at, const nn_scores *names, int validate,
                nn_error *error) {
    nn_log *log = nn_alloc(1, sizeof *log, error);
    int status = NN_OK;
    *out = NULL;
    if (!log) return NN_ERR_MEMORY;
    snprintf(log->path, sizeof log->path, "%s", path);
    log->stream = fopen(path, at < 0 ? "wb" : "r+b");
    if (!log->stream) {
        status = failed(log, NN_ERR_OPEN, error);
    } else if (at >= 0) {
        status = cut(log, at, error);
    } else {
        fprintf(log->stream, "epoch,step,rate");
        write_names(log, "train_", names);
        if (validate) write_names(log, "validate_", names);
        fprintf(log->stream, "\n");
    }
    if (status) {
        nn_log_close(log);
        return status;
    }
    *out = log;
    return NN_OK;
}

int nn_log_row(nn_log *log, int64_t epoch, int64_t step, double rate, const nn_scores *train,
               const nn_scores *validate, nn_error *error) {
    errno = 0;
    fprintf(log->stream, "%lld,%lld,%.9g", (long long)epoch, (long long)step, rate);
    write_scores(log, train);
    if (validate) write_scores(log, validate);
    fprintf(log->stream, "\n");
    return fflush(log->stream) ? failed(log, NN_ERR_WRITE, error) : NN_OK;
}

int64_t nn_log_flush(nn_log *log, nn_error *error) {
    long at = -1;
    if (!fflush(log->stream) && (!fsync(fileno(log->stream)) || errno == EINVAL))
        at = ftell(log->stream);
    if (at < 0) failed(log, NN_ERR_WRITE, error);
    return at;
}

void nn_log_close(nn_log *log) {
    if (!log) return;
    if (log->stream) fclose(log->stream);
    free(log);
}
