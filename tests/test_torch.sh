#!/bin/sh
# Library layers against what PyTorch made of the same weights and batch (tests/torch/make.py): outputs, loss and every
# gradient, in the interpreter and in generated code; and the gradients against finite differences of the loss.
set -u
nnc=${BUILD:-build}/nnc
failed=0
for program in tests/torch/*.nn; do
    for how in "" "--generated --target=scalar" "--generated --target=native"; do
        # shellcheck disable=SC2086
        if said=$("$nnc" compare "$program" "${program%.nn}.safetensors" --tolerance=2e-5 $how); then
            echo "$program $how: $(echo "$said" | tail -n 1)"
        else
            echo "$said"
            echo "$program $how: differs"
            failed=1
        fi
    done
    said=$("$nnc" check "$program") || failed=1
    echo "$program: $(echo "$said" | tail -n 1)"
done
exit $failed
