
void model_session_reset(model_session *session)
{
    float *at = (float *)(void *)session;
    for (size_t i = 0; i < sizeof *session / sizeof *at; i++) at[i] = 0.0f;
}

