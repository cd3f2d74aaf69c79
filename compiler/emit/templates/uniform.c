/* Uniform in [low, low + range): 24 random bits. Their product with a float is exact in double, so
 * no contraction of the sum can change a bit. */
static void model_init_uniform(float *params, int tensor, uint64_t seed, float low, float range)
{
    const nn_tensor *t = &model_params[tensor];
    for (int64_t e = 0, n = model_elements(t); e < n; e++) {
        const uint64_t bits = model_draw(seed, tensor, 4 * (uint64_t)e);
        const double share = (double)(bits >> 40) / 16777216.0;
        params[model_place(t, e)] = (float)((double)low + (double)range * share);
    }
}

