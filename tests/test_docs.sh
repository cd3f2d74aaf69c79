#!/bin/sh
# What README.md and docs/ point at exists: paths of the tree in backticks, links between pages, and each page stands in the index.
set -u
failed=0
say() { echo "$1: $2"; failed=1; }
for page in README.md docs/*.md examples/*/README.md; do
    [ -f "$page" ] || continue
    for path in $(grep -oE '`(compiler|runtime|grammar|examples|tests|generated|docs|\.ci)/[^` ]*`' "$page" | tr -d '`' | sort -u); do
        set -- $path                             # a pattern stands for what it matches
        [ -e "$1" ] || say "$page" "there is no $path"
    done
    dir=$(dirname "$page")
    for link in $(sed '/^```/,/^```/d' "$page" | grep -oE '\]\([^)#]*[^)]*\)' | sed 's/^](//; s/)$//; s/#.*//' | sort -u); do
        case $link in http*|'') continue ;; esac
        [ -e "$dir/$link" ] || say "$page" "the link $link leads nowhere"
    done
done
for page in docs/*.md; do
    name=$(basename "$page")
    [ "$name" = README.md ] || grep -q "($name)" docs/README.md || say docs/README.md "does not name $name"
done
# What README.md shows of the language and of generated code is what is there, line by line.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
"${BUILD:-build}/nnc" examples/digits/digits.nn --target=avx2 -o "$scratch" || failed=1
shown() {
    sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" README.md | grep -v '^```' | grep -vE '^ *\.\.\.$' > "$scratch/lines"
    [ -s "$scratch/lines" ] || say README.md "shows no $1"
    while IFS= read -r line; do
        grep -qxF -- "$line" "$2" || say README.md "this line is not in $(basename "$2"): $line"
    done < "$scratch/lines"
}
shown nn examples/digits/digits.nn
shown c "$scratch/digits.c"
[ $failed = 0 ] && echo "paths and links of the pages lead somewhere"
exit $failed
