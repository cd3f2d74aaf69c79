#!/bin/sh
# A training run killed 20 times at random moments and resumed each time ends with the same bits as an unbroken one: weights,
# checkpoint and log. Real processes, SIGKILL, the digits program.
set -eu
BUILD=${BUILD:-build}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
XDG_CACHE_HOME=$scratch/cache
export XDG_CACHE_HOME

# train NAME [--resume]: in the foreground, replaced by nnc so that a signal meets it.
train() {
    name=$1
    shift
    exec "$BUILD/nnc" run examples/digits/digits.nn --epochs=40 --checkpoint="$scratch/$name.ckpt" --checkpoint-every=31 \
        --log="$scratch/$name.csv" --save="$scratch/$name.weights" --quiet "$@" > "$scratch/$name.out" 2>&1
}

(train whole) || { cat "$scratch/whole.out"; exit 1; }
rm -f "$scratch/whole.weights" "$scratch/whole.ckpt" "$scratch/whole.csv"
started=$(date +%s%N)
(train whole)                                # now with the code in the cache
milliseconds=$((($(date +%s%N) - started) / 1000000))

kills=0 lives=0 ended=no
while [ $kills -lt 20 ] || [ $ended = no ]; do
    lives=$((lives + 1))
    resume=
    [ ! -f "$scratch/killed.ckpt" ] || resume=--resume
    # shellcheck disable=SC2086
    (train killed $resume) &
    if [ $kills -lt 20 ]; then
        # Anywhere in the first tenth of the whole, and a little.
        pause=$(awk -v seed="$lives$(date +%N)" -v most=$((milliseconds / 10 + 20)) 'BEGIN { srand(seed); printf "%.3f", rand() * most / 1000 }')
        sleep "$pause"
        kill -KILL $! 2> /dev/null || true
    fi
    status=0
    wait $! || status=$?
    if [ $status = 137 ]; then
        kills=$((kills + 1))
        continue
    fi
    [ $status = 0 ] || { cat "$scratch/killed.out"; exit 1; }
    ended=yes
    for what in weights ckpt csv; do
        cmp "$scratch/whole.$what" "$scratch/killed.$what"
        [ $kills = 20 ] || rm "$scratch/killed.$what"        # ended early: compared, and begun anew
    done
done
tail -n 1 "$scratch/killed.out"
echo "killed $kills times in $lives lives, and the same bits in the end"
