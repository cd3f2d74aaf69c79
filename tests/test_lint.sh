#!/bin/sh
# The rules of tests/lint.sh, but for the length of lines: that is for `make lint` and the formatter.
exec sh tests/lint.sh includes operations library printers size words top
