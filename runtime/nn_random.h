/* SPDX-License-Identifier: MIT
 * nn_random.h - counter-based random numbers: a pure function of (seed, stream, counter), with no
 * state to save.
 *
 * The generator is Philox2x64 with 10 rounds (J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel
 * Random Numbers: As Easy as 1, 2, 3; SC 2011): the pair (counter, stream) is enciphered under
 * the key seed. Any place in any stream is reached in constant time, so resuming a run needs only
 * the seed and the counters. */
#ifndef NN_RANDOM_H
#define NN_RANDOM_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Streams of one seed that the runtime uses; numbers from NN_STREAM_USER on are free for others. */
enum { NN_STREAM_SHUFFLE = 1, NN_STREAM_SPLIT, NN_STREAM_DROPOUT, NN_STREAM_AUGMENT,
       NN_STREAM_SAMPLE, NN_STREAM_USER = 1024 };

/* 64 uniform bits of place counter in a stream. */
uint64_t nn_random(uint64_t seed, uint64_t stream, uint64_t counter);

/* Fills order[0..count) with a permutation of 0..count-1, uniform up to count / 2^64: Fisher and
 * Yates with the bits of (seed, stream, epoch). It depends on nothing else, so epoch n of a
 * resumed run is epoch n of an unbroken one. */
void nn_shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t stream, uint64_t epoch);

#ifdef __cplusplus
}
#endif
#endif
