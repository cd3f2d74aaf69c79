nnc examples/regression.nn --tarket=scalar
