nnc --emit=ast examples/regression.nn
