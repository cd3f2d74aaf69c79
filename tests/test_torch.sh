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

# GPT-2 in a small size, under Hugging Face's names: a batch, and a file of weights as models are published.
sizes="--set vocab=19 --set context=11 --set width=12 --set heads=3 --set depth=3 --set steps=7"
gpt2="examples/gpt2/gpt2.nn $sizes --names=examples/gpt2/huggingface.names"
for how in "" "--generated --target=scalar" "--generated --target=native"; do
    # shellcheck disable=SC2086
    if said=$("$nnc" compare $gpt2 tests/torch/gpt2.safetensors --tolerance=2e-5 $how); then
        echo "gpt2 $how: $(echo "$said" | tail -n 1)"
    else
        echo "$said"
        echo "gpt2 $how: differs"
        failed=1
    fi
done
written=$(mktemp -d)
published=tests/torch/gpt2_published.safetensors
# shellcheck disable=SC2086
if "$nnc" $gpt2 --entries=infer --weights=$published --weights-binary -o "$written"; then
    echo "gpt2: $published is read, $(wc -c < "$written/gpt2_weights.bin") bytes of weights"
else
    failed=1
fi
# shellcheck disable=SC2086
if said=$("$nnc" examples/gpt2/gpt2.nn $sizes --entries=infer --weights=$published -o "$written" 2>&1); then
    echo "gpt2: names that are not ours were taken without --names"
    failed=1
elif ! echo "$said" | grep -q "unexpected: transformer.h.0.attn.bias"; then
    echo "gpt2: without --names it should say which names it does not know, and said: $said"
    failed=1
fi
rm -rf "$written"
exit $failed
