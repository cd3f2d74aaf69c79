/* All of the above as data, for generic code. */
extern const struct nn_model model_model;
