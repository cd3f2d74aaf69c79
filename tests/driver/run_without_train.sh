nnc run examples/embed-c/parity.nn
