nnc bench examples/regression.nn --seconds=never
