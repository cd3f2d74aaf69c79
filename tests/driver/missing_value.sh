nnc examples/regression.nn --target
