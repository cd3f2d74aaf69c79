
/* The descriptor of the best instruction set of this processor. Ask once: calls test nothing. */
const struct nn_model *model_select(void);

/* The entries for one instruction set; those above run everywhere. */
