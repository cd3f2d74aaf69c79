nnc no-such-file.nn
