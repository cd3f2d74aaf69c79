/* Measuring: what the machine can do at most, and functions timed side by side. One thread;
 * medians, because other programs run too. Both `nnc bench` and `make bench` measure with these. */
#ifndef NNC_DRIVER_MEASURE_H
#define NNC_DRIVER_MEASURE_H
#include "base/arena.h"
#include "target/target.h"

/* Something to time. The times are of one call, in seconds. */
typedef struct Racer {
    const char *name;
    void (*run)(void *context);
    void *context;
    int64_t repeats; /* calls in a row a round; 0: measure_race finds how many fill a burst */
    double *seconds; /* out: of each round, ascending */
    double least, median, p99, most; /* out */
} Racer;

/* `rounds` times each racer in turn, so that a disturbance hits all of them alike. A burst is as
 * many calls as fill that many seconds, in CPU time, which other programs disturb least; burst 0:
 * every call by itself, as long as a caller waits for it, which is what p99 of a latency needs. */
void measure_race(Arena *arena, Racer *racers, int count, int rounds, double burst);

double measure_now(void); /* seconds of a monotonic clock */
double measure_cpu(void); /* seconds that this process has computed */

/* Multiply-adds on enough independent accumulators to keep the target's units busy; `run` does
 * `flops` of them. */
typedef struct Peak {
    double flops;
    float sink;
    void (*burst)(struct Peak *peak);
} Peak;
void measure_peak(const Target *target, Peak *peak, Racer *racer);

/* One pass of loads over `floats` floats at `data`, a multiple of 128: the bandwidth of whichever
 * cache holds them. */
typedef struct Reading {
    const float *data;
    int64_t floats;
    float sink;
    void (*pass)(struct Reading *reading);
} Reading;
void measure_reading(const Target *target, Reading *reading, Racer *racer);
#endif
