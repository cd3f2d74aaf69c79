#!/bin/sh
# Writes C with the bytes of each named file, and a table of them by base name (base/embedded.h).
echo '#include "base/embedded.h"'
i=0
for f in "$@"; do
    echo "static const char file_$i[] = {"
    od -An -v -tx1 "$f" | sed 's/ \(..\)/0x\1,/g'
    echo "0x00};"
    i=$((i + 1))
done
echo "const EmbeddedFile embedded_files[] = {"
i=0
for f in "$@"; do
    echo "    {\"$(basename "$f")\", file_$i, sizeof file_$i - 1},"
    i=$((i + 1))
done
echo "    {0, 0, 0}};"
