/* Fills states with what the program says before training. */
void model_init_states(float *states);

