/* Measurements on request. */
#ifndef NNC_BENCH_SERVE_H
#define NNC_BENCH_SERVE_H
#include "driver/dissect.h"

/* Answers on stdout what stdin asks for until it ends. data: the directory of the model's data, or
 * NULL. */
int serve(Arena *arena, Dissection *subject, const char *data);
#endif
