nnc compare --help
