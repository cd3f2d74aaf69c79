"""The model of examples/digits/digits.nn in PyTorch: trains it for a moment, and writes its weights and a reference
beside which nnc can be checked.

    python3 digits.py ../digits/digits.csv weights.safetensors reference.safetensors
"""
import csv
import sys
from collections import OrderedDict

import torch
from torch import nn

import nnc_reference


def read(path):
    with open(path, newline="") as file:
        rows = torch.tensor([[float(cell) for cell in row] for row in csv.reader(file)
                             if row and row[0].strip().isdigit()])
    return rows[:, :64] / 16, rows[:, 64].long()


def main(data, weights, reference):
    torch.manual_seed(1)
    image, label = read(data)
    model = nn.Sequential(OrderedDict([("fc1", nn.Linear(64, 256)), ("relu", nn.ReLU()),
                                       ("fc2", nn.Linear(256, 10))]))
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        for rows in torch.randperm(len(image)).split(32):
            optimizer.zero_grad()
            loss(model(image[rows]), label[rows]).backward()
            optimizer.step()
    right = (model(image).argmax(1) == label).float().mean().item()
    print(f"PyTorch: {100 * right:.1f}% of the pictures it was trained on")
    nnc_reference.save_weights(weights, model)
    nnc_reference.save_reference(reference, model, {"image": image[:8]}, {"label": label[:8]},
                                 output="logits", loss=loss)


if __name__ == "__main__":
    main(*sys.argv[1:])
