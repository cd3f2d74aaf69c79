nnc examples/regression.nn -o $TMP/new --main --optimizer=adam --target=scalar && ls $TMP/new
