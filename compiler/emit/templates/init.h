/* Fills params with the program's initial weights; the same seed gives the same weights on every
 * target. */
void model_init(float *params, uint64_t seed);

