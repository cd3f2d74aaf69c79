nnc --emit=memory examples/regression.nn
