nnc examples/regression.nn --set width
