static void model_init_values(float *at, const nn_tensor *t, const float *values)
{
    for (int64_t e = 0, n = model_elements(t); e < n; e++) at[model_place(t, e)] = values[e];
}

