/* Zeros behind the first `used` floats of rows that are `apart` floats from each other. */
static void model_clear_rows(float *at, ptrdiff_t rows, ptrdiff_t used, ptrdiff_t apart)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = used; j < apart; j++) at[i * apart + j] = 0.0f;
}

