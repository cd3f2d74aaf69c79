/* The place of logical element e, counted in row-major order. */
static int64_t model_place(const nn_tensor *t, int64_t e)
{
    int64_t at = t->offset;
    for (int axis = t->rank - 1; axis >= 0; axis--) {
        at += e % t->dims[axis] * t->stride[axis];
        e /= t->dims[axis];
    }
    return at;
}

static int64_t model_elements(const nn_tensor *t)
{
    int64_t n = 1;
    for (int axis = 0; axis < t->rank; axis++) n *= t->dims[axis];
    return n;
}

