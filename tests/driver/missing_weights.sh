nnc run examples/digits/digits.nn --weights=none.safetensors
