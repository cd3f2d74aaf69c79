nnc fmt examples/regression.nn > /dev/full
