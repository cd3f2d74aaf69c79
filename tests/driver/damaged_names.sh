# Rules that are no rules, or fit nothing; and rules that contradict each other. Nothing is written.
take() { said=$(nnc examples/gpt2/gpt2.nn --set vocab=19 --set context=11 --set width=12 --set heads=3 --set depth=3 --set steps=7 --entries=infer -o $TMP/out --weights=${2-tests/torch/gpt2_published.safetensors} --names=$TMP/$1 2>&1); echo "$1: status $?"; echo "$said" | sed "s|$TMP|TMP|; 6,\$d; /^$/d"; ls $TMP/out 2>/dev/null; }
right=$(cat examples/gpt2/huggingface.names)
printf 'a b c\n' > $TMP/three; take three
printf '# one\nlonely\n' > $TMP/one; take one
printf 'a*b*c *\n' > $TMP/stars; take stars
printf 'a\0b c\n' > $TMP/binary; take binary
: > $TMP/empty; take empty
take none
mkdir $TMP/folder; take folder
printf '%s\nwpe.weight -\n' "$right" > $TMP/skips; take skips
printf '%s\n*.ln_1.weight h.0.ln_1.weight\n' "$right" > $TMP/one_for_all; take one_for_all
printf '%s\nwte.weight wpe.weight\n' "$right" > $TMP/exchanged; take exchanged
# The right rules, from another editor, twice; and a file of weights that ends in the middle.
printf '\357\273\277%s\n%s\n' "$right" "$right" | sed 's/$/\r/' > $TMP/right; take right
rm -r $TMP/out
head -c 9000 tests/torch/gpt2_published.safetensors > $TMP/half; take right $TMP/half
head -c 500 tests/torch/gpt2_published.safetensors > $TMP/head; take right $TMP/head
true
