/* The tensor of that number if it has so many elements, else NULL. */
static const nn_tensor *model_tensor(int tensor, size_t elements)
{
    const int tensors = (int)(sizeof model_params / sizeof model_params[0]);
    if (tensor < 0 || tensor >= tensors) return NULL;
    const nn_tensor *t = &model_params[tensor];
    return elements == (size_t)model_elements(t) ? t : NULL;
}

int model_get(const float *params, int tensor, float *out, size_t capacity)
{
    const nn_tensor *t = model_tensor(tensor, capacity);
    if (!params || !out) return NN_BAD_ARGUMENT;
    if (!t) return NN_BAD_TENSOR;
    for (size_t e = 0; e < capacity; e++) out[e] = params[model_place(t, (int64_t)e)];
    return NN_OK;
}

int model_set(float *params, int tensor, const float *in, size_t count)
{
    const nn_tensor *t = model_tensor(tensor, count);
    if (!params || !in) return NN_BAD_ARGUMENT;
    if (!t) return NN_BAD_TENSOR;
    for (size_t e = 0; e < count; e++) params[model_place(t, (int64_t)e)] = in[e];
    return NN_OK;
}

