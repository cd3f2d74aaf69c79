"""Writes diabetes.safetensors, the reference for examples/regression.nn that docs/finding-a-wrong-answer.md compares
with: python3 diabetes.py diabetes.safetensors"""
import sys

import torch
from torch import nn

import nnc_reference


class Diabetes(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(10, 32)
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


torch.manual_seed(1)
nnc_reference.save_reference(sys.argv[1], Diabetes(), {"x": torch.randn(8, 10)},
                             {"y": torch.randn(8, 1)}, output="prediction",
                             loss=lambda prediction, y: 0.5 * (y - prediction).square().mean())
