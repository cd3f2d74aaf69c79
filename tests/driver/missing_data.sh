nnc run examples/mnist_mlp.nn --data=/no/such/directory --interpret
