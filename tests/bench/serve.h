/* Measurements on request. */
#ifndef NNC_BENCH_SERVE_H
#define NNC_BENCH_SERVE_H
#include "subject.h"

/* Answers on stdout what stdin asks for until it ends. data: the directory of the model's data, or
 * NULL. */
int serve(Arena *arena, Subject *subject, const char *data);
#endif
