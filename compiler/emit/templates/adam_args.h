typedef struct model_step_args {
    float       *params;        /* [MODEL_PARAM_FLOATS], updated */
    const float *grads;         /* [MODEL_PARAM_FLOATS], in the same order */
    float       *first;         /* [MODEL_PARAM_FLOATS], first moments: zeros at first */
    float       *second;        /* [MODEL_PARAM_FLOATS], second moments: zeros at first */
    int64_t      step;          /* 1, 2, 3, ... */
    float        rate;          /* learning rate, 1e-3 */
    float        beta1, beta2;  /* 0.9, 0.999 */
    float        eps;           /* 1e-8 */
    float        decay;         /* weight decay, on the tensors that the program marks */
} model_step_args;

