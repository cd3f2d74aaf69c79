for option in save log checkpoint; do nnc run examples/digits/digits.nn --epochs=1 --quiet --$option=/dev/full | sed 's/loss .*/loss/'; done; test -c /dev/full
