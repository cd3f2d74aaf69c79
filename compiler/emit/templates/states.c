void model_init_states(float *states)
{
    const int tensors = (int)(sizeof model_states / sizeof model_states[0]);
    for (int64_t i = 0; i < MODEL_STATE_FLOATS; i++) states[i] = 0.0f;
    for (int i = 0; i < tensors; i++) {
        const float *values = model_states_init[i].values;
        const int64_t n = model_elements(&model_states[i]);
        for (int64_t e = 0; e < n; e++)
            states[model_place(&model_states[i], e)] = values ? values[e] : model_states_init[i].a;
    }
}

