nnc compare examples/regression.nn
