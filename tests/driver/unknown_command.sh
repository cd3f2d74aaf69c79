nnc sumary examples/regression.nn
