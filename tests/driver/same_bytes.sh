mkdir $TMP/a $TMP/b; nnc examples/mnist_mlp.nn -o $TMP/a; nnc examples/mnist_mlp.nn -o $TMP/b; diff -r $TMP/a $TMP/b && ls $TMP/a
