nnc run examples/digits/digits.nn --epochs=few
