void model_session_reset(model_session *session);

