    /* The bias corrections 1 - beta^step go into the rate and the scale of the second moment. */
    const double left1 = 1.0 - model_power((double)args->beta1, args->step);
    const double left2 = 1.0 - model_power((double)args->beta2, args->step);
    const float rate = (float)((double)args->rate / left1);
    const float scale = (float)(1.0 / left2);
