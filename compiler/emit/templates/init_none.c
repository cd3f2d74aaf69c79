void model_init(float *params, uint64_t seed)
{
    (void)params;
    (void)seed;
}

