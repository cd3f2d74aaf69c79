/* Finaliser of Steele, Lea and Flood's SplitMix64. */
static uint64_t model_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 64 random bits: a draw from the tensor's own stream. */
static uint64_t model_draw(uint64_t seed, int tensor, uint64_t number)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t stream = model_mix(seed + golden * ((uint64_t)tensor + 1));
    return model_mix(stream + golden * (number + 1));
}

