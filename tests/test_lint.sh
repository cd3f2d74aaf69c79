#!/bin/sh
# The rules of tests/lint.sh hold.
exec sh tests/lint.sh
