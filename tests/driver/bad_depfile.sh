nnc examples/regression.nn -o $TMP --depfile=/no/such/directory/d
