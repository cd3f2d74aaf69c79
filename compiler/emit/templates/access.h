int model_get(const float *params, int tensor, float *out, size_t capacity);
int model_set(float *params, int tensor, const float *in, size_t count);

