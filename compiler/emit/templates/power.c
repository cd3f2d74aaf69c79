/* b to the n, n >= 0. */
static double model_power(double b, int64_t n)
{
    double p = 1;
    for (; n > 0; n /= 2, b *= b)
        if (n % 2) p *= b;
    return p;
}

