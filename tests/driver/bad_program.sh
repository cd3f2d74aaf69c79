nnc tests/bad/syntax_several.nn -o $TMP
