nnc fmt no-such-file.nn examples/regression.nn > /dev/null
