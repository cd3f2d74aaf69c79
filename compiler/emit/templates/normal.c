/* Normal, by the sum of twelve uniform 16-bit numbers (Irwin-Hall). */
static void model_init_normal(float *params, int tensor, uint64_t seed, float mean, float deviation)
{
    const nn_tensor *t = &model_params[tensor];
    for (int64_t e = 0, n = model_elements(t); e < n; e++) {
        int64_t sum = 0;
        for (uint64_t draw = 0; draw < 3; draw++) {
            const uint64_t bits = model_draw(seed, tensor, 4 * (uint64_t)e + draw);
            for (int shift = 0; shift < 64; shift += 16) sum += (int64_t)(bits >> shift & 0xffff);
        }
        const double unit = (double)(2 * sum - 12 * 65535) / 131072.0;
        params[model_place(t, e)] = (float)((double)mean + (double)deviation * unit);
    }
}

