nnc examples/regression.nn --model=diabtes -o $TMP
