"""Writes what PyTorch makes of the programs beside it: weights, a batch, outputs, loss, gradients.

    /usr/bin/python3 tests/torch/make.py         (needs torch; the files are kept in the repository)
"""
import json
import os
import struct

import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


def save(name, tensors):
    """safetensors: length of the header, header, data."""
    header, data = {}, b""
    for key, tensor in tensors.items():
        values = tensor.detach().contiguous().float()
        raw = values.numpy().tobytes()
        header[key] = {"dtype": "F32", "shape": list(values.shape),
                       "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, name + ".safetensors"), "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def record(name, modules, inputs, target, run):
    """run(*inputs) is the output y."""
    y = run(*inputs.values())
    loss = ((y - target) ** 2).mean()
    loss.backward()
    tensors = {"input/" + key: value for key, value in inputs.items()}
    tensors |= {"target/t": target, "output/y": y, "infer/y": y, "loss": loss.reshape(1)}
    for key, parameter in modules.named_parameters():
        tensors["param/" + key] = parameter
        tensors["grad/" + key] = parameter.grad
    save(name, tensors)


def recurrent():
    layers = nn.ModuleDict({
        "rnn": nn.RNN(5, 3, batch_first=True, bidirectional=True),
        "lstm": nn.LSTM(6, 5, batch_first=True, bidirectional=True),
        "gru": nn.GRU(10, 3, batch_first=True, bidirectional=True),
        "last": nn.LSTM(6, 6, batch_first=True),
    })

    def run(x):
        for layer in layers.values():
            x, _ = layer(x)
        return x

    record("recurrent", layers, {"x": torch.randn(3, 7, 5)}, torch.randn(3, 7, 6), run)


def transformer():
    layers = nn.ModuleDict({
        "attn": nn.MultiheadAttention(6, 3, batch_first=True),
        "post": nn.TransformerEncoderLayer(6, 2, 9, 0.0, batch_first=True),
        "pre": nn.TransformerEncoderLayer(6, 3, 7, 0.0, "gelu", batch_first=True, norm_first=True),
        "decoder": nn.TransformerDecoderLayer(6, 2, 11, 0.0, batch_first=True),
    })
    for parameter in layers.parameters():        # biases and norms too, which start as zeros and ones
        parameter.data += 0.3 * torch.randn_like(parameter)
    keep = torch.ones(3, 7)
    keep[0, 4:] = 0
    keep[2, 2:5] = 0

    def run(x, m, k):
        a, _ = layers["attn"](m, m, m, key_padding_mask=k < 0.5, need_weights=False)
        e = layers["pre"](layers["post"](a, src_key_padding_mask=k < 0.5))
        hidden = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
        return layers["decoder"](x, e, tgt_mask=hidden)

    inputs = {"x": torch.randn(3, 5, 6), "m": torch.randn(3, 7, 6), "keep": keep}
    record("transformer", layers, inputs, torch.randn(3, 5, 6), run)


def windows():
    layers = nn.ModuleDict({
        "stem": nn.Conv2d(3, 4, 3, padding=1),
        "reflected": nn.Conv2d(4, 2, 3),
        "spread": nn.ConvTranspose1d(4, 3, 4, stride=3, padding=1, output_padding=2),
        "slope": nn.PReLU(3),
        "apart": nn.ModuleDict({"depthwise": nn.Conv2d(4, 4, (3, 2), stride=2, groups=4, bias=False),
                                "pointwise": nn.Conv2d(4, 5, 1)}),
    })

    def run(x):
        a = layers["stem"](x)
        up = nn.functional.interpolate
        twice = up(a, scale_factor=2, mode="bilinear")
        thrice = up(a, scale_factor=3, mode="bilinear")
        fitted = up(a, size=(9, 8), mode="bilinear", align_corners=True)
        line = up(a.flatten(2), scale_factor=2, mode="linear")
        parts = [
            nn.functional.max_pool2d(twice, 3, 2, 1, ceil_mode=True),
            nn.functional.adaptive_avg_pool2d(thrice, (4, 4)),
            nn.functional.adaptive_max_pool2d(fitted, (4, 3)),
            up(a, scale_factor=1.5, mode="bilinear"),
            up(a, size=(3, 11), mode="bilinear"),
            layers["reflected"](nn.functional.pad(a, (1, 2, 2, 1), mode="reflect")),
            nn.functional.avg_pool2d(nn.functional.pad(a, (0, 2, 1, 1), mode="replicate"), 3, 2, 1,
                                     ceil_mode=True, count_include_pad=False),
            layers["slope"](layers["spread"](line)),
            layers["apart"]["pointwise"](layers["apart"]["depthwise"](a)),
            nn.functional.adaptive_max_pool1d(nn.functional.adaptive_avg_pool1d(line, 21), 8),
        ]
        return torch.cat([part.flatten(1) for part in parts], 1)

    x = torch.randn(3, 3, 7, 5)
    record("windows", layers, {"x": x}, torch.randn_like(run(x)), run)


torch.manual_seed(1)
recurrent()
transformer()
windows()
