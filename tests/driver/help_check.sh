nnc check --help
