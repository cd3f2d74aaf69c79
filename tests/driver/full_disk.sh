nnc --emit=ast examples/regression.nn > /dev/full
