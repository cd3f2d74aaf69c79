#!/bin/sh
# The runtime as its users build it: every header alone in C and C++ without a warning, a C++ program linked to it, and all of it
# without zlib, where a .gz file is refused with a reason.
set -eu
BUILD=${BUILD:-build}
CC=${CC:-cc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
warn='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'

for header in runtime/*.h; do
    printf '#include "%s"\nint main(void) { return 0; }\n' "$(basename "$header")" > "$scratch/alone.c"
    $CC -std=c11 $warn -D_POSIX_C_SOURCE=200809L -Iruntime -fsyntax-only "$scratch/alone.c"
done

mkdir "$scratch/plain"
for file in runtime/*.c; do
    $CC -std=c11 -O1 $warn -D_POSIX_C_SOURCE=200809L -Iruntime -c -o "$scratch/plain/$(basename "$file").o" "$file"
done
cat > "$scratch/gz.c" <<'END'
#include <stdio.h>
#include <string.h>
#include "nn_file.h"
int main(int argc, char **argv)
{
    nn_bytes bytes;
    nn_error error;
    nn_error_clear(&error);
    if (argc != 2 || nn_file_read(argv[1], &bytes, &error) != NN_ERR_FORMAT) return 1;
    puts(error.reason);
    return !strstr(error.reason, "zlib");
}
END
$CC -std=c11 $warn -Iruntime -o "$scratch/gz" "$scratch/gz.c" "$scratch"/plain/*.o -lpthread -lm
printf '\037\213\010\0\0\0\0\0\0\003' > "$scratch/x.gz"
"$scratch/gz" "$scratch/x.gz"

command -v g++ > /dev/null || { echo "no g++: the runtime was not tried from C++"; exit 77; }
{
    for header in runtime/*.h; do echo "#include \"$(basename "$header")\""; done
    cat <<'END'
int main()
{
    nn_error error;
    nn_error_clear(&error);
    void *memory = nn_alloc_aligned(64, &error);
    nn_free_aligned(memory);
    return nn_find_loader("csv") != nullptr && nn_random(1, 2, 3) != nn_random(1, 2, 4) ? 0 : 1;
}
END
} > "$scratch/all.cc"
g++ -std=c++17 $warn -Iruntime -o "$scratch/all" "$scratch/all.cc" "$scratch"/plain/*.o -lpthread -lm
"$scratch/all"
echo "every header in C and C++; linked from C++; built without zlib"
