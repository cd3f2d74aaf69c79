typedef struct model_step_args {
    float       *params;        /* [MODEL_PARAM_FLOATS], updated */
    const float *grads;         /* [MODEL_PARAM_FLOATS], in the same order */
    float       *first;         /* [MODEL_PARAM_FLOATS], velocities: zeros at first */
    float        rate;          /* learning rate */
    float        momentum;      /* 0 for none */
    float        decay;         /* weight decay, on the tensors that the program marks */
} model_step_args;

