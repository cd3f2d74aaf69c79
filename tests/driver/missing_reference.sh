nnc compare examples/regression.nn none.safetensors
