nnc bench --help
