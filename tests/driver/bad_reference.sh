nnc compare examples/regression.nn LICENSE
