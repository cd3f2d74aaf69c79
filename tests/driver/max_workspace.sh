# The numbers are the plan's, of which tests/test_workspace.c knows more.
told() { nnc examples/$1.nn -o $TMP --entries=$2 --max-workspace=$3 2>&1 | sed 's/[0-9][0-9,]*[0-9]/N/g'; }
told mnist_mlp train 64K
told mnist_mlp infer 256
told resnet20 train 1M
told regression train 1
nnc examples/regression.nn --max-workspace=1M -o $TMP && ls $TMP
nnc examples/regression.nn --max-workspace=1T
nnc examples/regression.nn --max-workspace=-5
nnc examples/regression.nn --max-workspace=64MB
