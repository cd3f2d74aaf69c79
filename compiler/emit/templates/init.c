/* Finaliser of Steele, Lea and Flood's SplitMix64. */
static uint64_t model_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in [a, a + range): 24 random bits. The product of two 24-bit numbers is exact in double,
 * so no contraction of the sum can change a bit. */
static float model_uniform(uint64_t stream, uint64_t e, float a, float range)
{
    const uint64_t bits = model_mix(stream + UINT64_C(0x9e3779b97f4a7c15) * (e * 4 + 1));
    return (float)((double)a + (double)range * ((double)(bits >> 40) / 16777216.0));
}

/* Normal by the sum of twelve uniform 16-bit numbers (Irwin-Hall). */
static float model_normal(uint64_t stream, uint64_t e, float mean, float deviation)
{
    int64_t sum = 0;
    for (uint64_t j = 1; j <= 3; j++) {
        const uint64_t bits = model_mix(stream + UINT64_C(0x9e3779b97f4a7c15) * (e * 4 + j));
        for (int k = 0; k < 64; k += 16) sum += (int64_t)(bits >> k & 0xffff);
    }
    return (float)((double)mean + (double)deviation * ((double)(2 * sum - 12 * 65535) / 131072.0));
}

static void model_init_tensor(float *params, int tensor, uint64_t seed)
{
    const nn_tensor *t = &model_params[tensor];
    const uint64_t stream = model_mix(seed + UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(tensor + 1));
    const float a = model_params_init[tensor].a, b = model_params_init[tensor].b;
    const float *values = model_params_init[tensor].values;
    const int kind = model_params_init[tensor].kind;
    const int64_t n = model_elements(t);
    for (int64_t e = 0; e < n; e++)
        params[model_place(t, e)] = kind == 1   ? model_uniform(stream, (uint64_t)e, a, b)
                                    : kind == 2 ? model_normal(stream, (uint64_t)e, a, b)
                                    : values    ? values[e]
                                                : a;
}

void model_init(float *params, uint64_t seed)
{
    const int tensors = (int)(sizeof model_params / sizeof model_params[0]);
    for (int64_t i = 0; i < MODEL_PARAM_FLOATS; i++) params[i] = 0.0f;
    for (int i = 0; i < tensors; i++) model_init_tensor(params, i, seed);
}

