nnc --help
