/* The machine's limits and the race between functions. */
#include "driver/measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double measure_now(void) { return read_clock(CLOCK_MONOTONIC); }

double measure_cpu(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

/* ---- the race ---- */

typedef double Clock(void);

static double time_calls(const Racer *r, Clock *clock)
{
    const double start = clock();
    for (int64_t i = 0; i < r->repeats; i++) r->run(r->context);
    return (clock() - start) / (double)r->repeats;
}

static void find_repeats(Racer *r, double burst)
{
    double once = 0;
    if (r->repeats) return;
    r->repeats = 1;
    time_calls(r, measure_cpu); /* the first call meets cold caches */
    while (burst > 0 && (once = time_calls(r, measure_cpu)) * (double)r->repeats < burst / 4)
        r->repeats *= 2;
    if (burst > 0) r->repeats = (int64_t)(burst / once);
    if (r->repeats < 1) r->repeats = 1;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void measure_race(Arena *arena, Racer *racers, int count, int rounds, double burst)
{
    Clock *const clock = burst > 0 ? measure_cpu : measure_now;
    for (int i = 0; i < count; i++) {
        racers[i].seconds = arena_array(arena, double, rounds);
        find_repeats(&racers[i], burst);
    }
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++) racers[i].seconds[round] = time_calls(&racers[i], clock);
    for (int i = 0; i < count; i++) {
        Racer *r = &racers[i];
        qsort(r->seconds, (size_t)rounds, sizeof *r->seconds, ascending);
        r->least = r->seconds[0];
        r->median = r->seconds[rounds / 2];
        r->p99 = r->seconds[(rounds - 1) * 99 / 100];
        r->most = r->seconds[rounds - 1];
    }
}

/* ---- limits ---- */

/* Twelve accumulators, for two units of latency four need eight; equal ones the compiler would
 * merge. */
#define EACH_OF_12(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#define EACH_OF_8(f)  f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)
enum { PEAK_STEPS = 2000 };

/* The two measurements for one width: loads, sums and multiply-adds of a vector type. */
#define DEFINE_LIMITS(name, attribute, type, width, set, load, add, fma, first) \
    attribute static void peak_##name(Peak *peak)                               \
    {                                                                           \
        volatile float one = 1.0f;                                              \
        const type x = set(one), y = set(one);                                  \
        EACH_OF_12(DECLARE_##name)                                              \
        for (int step = 0; step < PEAK_STEPS; step++) {                         \
            EACH_OF_12(FMA_##name)                                              \
        }                                                                       \
        type sum = set(0.0f);                                                   \
        EACH_OF_12(SUM_##name)                                                  \
        peak->sink = first(sum);                                                \
    }                                                                           \
    attribute static void pass_##name(Reading *r)                               \
    {                                                                           \
        EACH_OF_8(DECLARE_##name)                                               \
        for (int64_t i = 0; i + 8 * (width) <= r->floats; i += 8 * (width)) {   \
            const float *at = r->data + i;                                      \
            EACH_OF_8(READ_##name)                                              \
        }                                                                       \
        type sum = set(0.0f);                                                   \
        EACH_OF_8(SUM_##name)                                                   \
        r->sink = first(sum);                                                   \
    }

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define DECLARE_avx512(i) __m512 c##i = _mm512_set1_ps(i);
#define FMA_avx512(i)     c##i = _mm512_fmadd_ps(x, y, c##i);
#define SUM_avx512(i)     sum = _mm512_add_ps(sum, c##i);
#define READ_avx512(i)    c##i = _mm512_add_ps(c##i, _mm512_loadu_ps(at + 16 * (i)));
DEFINE_LIMITS(avx512, __attribute__((target("avx512f"))), __m512, 16, _mm512_set1_ps,
              _mm512_loadu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_cvtss_f32)

#define DECLARE_avx2(i) __m256 c##i = _mm256_set1_ps(i);
#define FMA_avx2(i)     c##i = _mm256_fmadd_ps(x, y, c##i);
#define SUM_avx2(i)     sum = _mm256_add_ps(sum, c##i);
#define READ_avx2(i)    c##i = _mm256_add_ps(c##i, _mm256_loadu_ps(at + 8 * (i)));
DEFINE_LIMITS(avx2, __attribute__((target("avx2,fma"))), __m256, 8, _mm256_set1_ps, _mm256_loadu_ps,
              _mm256_add_ps, _mm256_fmadd_ps, _mm256_cvtss_f32)
#elif defined(__aarch64__)
#include <arm_neon.h>
#define first_lane(v)   vgetq_lane_f32(v, 0)
#define DECLARE_neon(i) float32x4_t c##i = vdupq_n_f32(i);
#define FMA_neon(i)     c##i = vfmaq_f32(c##i, x, y);
#define SUM_neon(i)     sum = vaddq_f32(sum, c##i);
#define READ_neon(i)    c##i = vaddq_f32(c##i, vld1q_f32(at + 4 * (i)));
DEFINE_LIMITS(neon, , float32x4_t, 4, vdupq_n_f32, vld1q_f32, vaddq_f32, vfmaq_f32, first_lane)
#endif

#define identity(v)       (v)
#define DECLARE_scalar(i) float c##i = i;
#define FMA_scalar(i)     c##i += x * y;
#define SUM_scalar(i)     sum += c##i;
#define READ_scalar(i)    c##i += at[i];
DEFINE_LIMITS(scalar, , float, 1, identity, identity, identity, identity, identity)

typedef struct Limits {
    const char *target;
    int width;
    void (*peak)(Peak *peak);
    void (*pass)(Reading *reading);
} Limits;

static const Limits *limits_of(const Target *target)
{
    static const Limits limits[] = {
#if defined(__x86_64__) && defined(__GNUC__)
        {"avx512", 16, peak_avx512, pass_avx512},
        {"avx2", 8, peak_avx2, pass_avx2},
#elif defined(__aarch64__)
        {"neon", 4, peak_neon, pass_neon},
#endif
        {"scalar", 1, peak_scalar, pass_scalar},
    };
    const int count = (int)(sizeof limits / sizeof *limits);
    for (int i = 0; i < count; i++)
        if (!strcmp(limits[i].target, target->name)) return &limits[i];
    return &limits[count - 1];
}

static void run_peak(void *context)
{
    Peak *peak = context;
    peak->burst(peak);
}

void measure_peak(const Target *target, Peak *peak, Racer *racer)
{
    const Limits *l = limits_of(target);
    *peak = (Peak){.flops = 2.0 * 12 * PEAK_STEPS * l->width, .burst = l->peak};
    *racer = (Racer){.name = "peak", .run = run_peak, .context = peak};
}

static void run_pass(void *context)
{
    Reading *reading = context;
    reading->pass(reading);
}

void measure_reading(const Target *target, Reading *reading, Racer *racer)
{
    reading->pass = limits_of(target)->pass;
    *racer = (Racer){.name = "reading", .run = run_pass, .context = reading};
}
