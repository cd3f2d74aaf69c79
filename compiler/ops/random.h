/* Random bits as a function of where they are used: no state, so any order and any tile gives
 * the same. */
#ifndef NNC_OPS_RANDOM_H
#define NNC_OPS_RANDOM_H
#include <stdint.h>

/* The output function of the generator SplitMix64 (Steele, Lea, Flood 2014, with Stafford's
 * variant 13 of the constants): a bijection of 64 bits in which every input bit changes every
 * output bit with probability about a half. */
static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The increment of SplitMix64: 2^64 / golden ratio, made odd. */
#define RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

/* One stream a parameter or instance, and one draw an index of the stream. */
static inline uint64_t random_stream(uint64_t seed, uint64_t instance)
{
    return random_mix(seed + RANDOM_STEP * (instance + 1));
}

static inline uint64_t random_bits(uint64_t stream, uint64_t index)
{
    return random_mix(stream + RANDOM_STEP * (index + 1));
}
#endif
