/* SPDX-License-Identifier: MIT
 * nn_json.h - reading JSON (RFC 8259) from memory by a cursor, without building a tree. */
#ifndef NN_JSON_H
#define NN_JSON_H
#include "nn_error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Set at, end and start (for positions in errors). */
typedef struct nn_json {
    const char *at, *end, *start;
} nn_json;

/* Each takes one thing behind blanks, and returns 1, or 0 where something else stands. */
int nn_json_take(nn_json *json, char c);
int nn_json_integer(nn_json *json, int64_t *value);          /* 0..2^63-1, no fraction */

/* A string, with escapes resolved to UTF-8, into memory released with free(); NULL where none
 * stands, or it is malformed. */
char *nn_json_string(nn_json *json);

/* Steps over any value; at most 64 levels deep. */
int nn_json_skip(nn_json *json);

#ifdef __cplusplus
}
#endif
#endif
