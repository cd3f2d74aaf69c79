nnc --version
