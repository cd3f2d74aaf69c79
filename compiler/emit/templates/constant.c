static void model_init_constant(float *at, const nn_tensor *t, float value)
{
    for (int64_t e = 0, n = model_elements(t); e < n; e++) at[model_place(t, e)] = value;
}

