# A limit holds for entries on threads and beside a prepared form; where it cannot, nothing is written.
bytes() { sed -n 's/^#define RESIDUAL_\(.*\)_WORKSPACE_BYTES *\([0-9]*\)$/\1 \2/p' $TMP/residual.h; }
said() { told=$(nnc tests/workspace/residual.nn -o $TMP --threads=2 --prepare $1 2>&1); echo "status $?"; echo "$told" | sed 's/[0-9][0-9,]*[0-9]/N/g; /^$/d'; }
said --max-workspace=100K; ls $TMP
said --max-workspace=1
said; whole=$(bytes | sed -n 's/^TRAIN //p')
limit=$((whole * 85 / 100))
said --max-workspace=$limit; bytes | while read entry bytes; do [ $bytes -le $limit ] && echo $entry fits; done
${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -O1 -c $TMP/residual.c -o $TMP/residual.o && echo builds
