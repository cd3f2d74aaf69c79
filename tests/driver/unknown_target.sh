nnc examples/regression.nn --target=scaler
