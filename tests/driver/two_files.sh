nnc summary examples/regression.nn examples/lenet.nn
