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


def grid():
    conv = nn.Conv2d
    layers = nn.ModuleDict({
        "many": conv(4, 16, 3, padding=1),
        "strided": conv(4, 6, 3, stride=(3, 2), padding=1),
        "row": conv(4, 4, (1, 5), padding=(0, 2)),
        "column": conv(4, 4, (5, 1), stride=2),
        "dilated": conv(4, 8, 3, dilation=2, padding=2, groups=2),
        "depthwise": conv(4, 8, (2, 3), stride=(1, 3), dilation=(2, 1), groups=4),
        "point": conv(4, 12, 1, stride=3, bias=False),
        "line": nn.Conv1d(4, 6, 4, stride=3, dilation=2, padding=3, groups=2),
        "back": nn.ConvTranspose2d(4, 6, (3, 2), (3, 2), (1, 0), (1, 1), groups=2),
        "wide": nn.ConvTranspose2d(4, 3, (1, 4), stride=(1, 3)),
        "winograd": conv(16, 17, 3, padding=1),
    })

    def run(x):
        many = layers["many"](x).relu()
        pads = {"column": lambda x: nn.functional.pad(x, (0, 0, 2, 1)),
                "line": lambda x: x.flatten(2), "wide": lambda x: x[:, :, 2:5]}
        names = ["strided", "row", "column", "dilated", "depthwise", "point", "line", "back", "wide"]
        parts = [layers[name](pads.get(name, lambda x: x)(x)) for name in names] + [
            nn.functional.max_pool2d(many[:, :3], (1, 3), (2, 1), (0, 1)),
            nn.functional.avg_pool2d(many[:, :3], (3, 1), 3),
            nn.functional.avg_pool2d(layers["winograd"](many).tanh(), 3),
        ]
        return torch.cat([part.flatten(1) for part in parts], 1)

    x = torch.randn(3, 4, 9, 7)
    record("grid", layers, {"x": x}, torch.randn_like(run(x)), run)


def primitives():
    layers = nn.ModuleDict({"stem": nn.Linear(6, 6)})
    angle = torch.arange(5.0)[:, None] * 10000 ** (-torch.arange(0.0, 6.0, 2.0) / 6)
    twice = torch.cat([angle, angle], 1)
    table = torch.stack([angle.sin(), angle.cos()], 2).reshape(5, 6)

    def run(x):
        v = layers["stem"](x)
        hot = nn.functional.one_hot
        parts = [
            v.cumsum(1), v.flip(2).cumsum(2).flip(2), v.cumprod(2), v.cummax(1)[0],
            v.flip(2).cummin(2)[0].flip(2),
            v.topk(3, 2)[0], v.topk(3, 1)[1] / 4,
            hot(v.argmax(2), 6) * v, hot(v.argmin(1), 5).float(),
            torch.where(((v > 0.2) & (v <= 1)) | (v < -1), v, 0.5 * v),
            torch.minimum(v, x) + v.clamp(min=0.1),
            v * twice.cos() + torch.cat([-v[:, :, 3:], v[:, :, :3]], 2) * twice.sin(),
            v * table,
            v.logsumexp(1) - v.var(1, unbiased=True),
        ]
        return torch.cat([part.flatten(1) for part in parts], 1)

    x = torch.randn(3, 5, 6) * 1.5
    record("primitives", layers, {"x": x}, torch.randn_like(run(x)), run)


class Conv1D(nn.Module):
    """As Hugging Face's: a linear layer that stores [in, out]."""

    def __init__(self, outputs, inputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.2)
        self.bias = nn.Parameter(torch.randn(outputs) * 0.1)

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = Conv1D(3 * width, width), Conv1D(width, width)
        self.register_buffer("bias", torch.ones(1, 1, context, context).tril())
        self.register_buffer("masked_bias", torch.tensor(-1e4))

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2)
                   for part in self.c_attn(x).split(d, 2))
        scores = q @ k.transpose(2, 3) / (d // self.heads) ** 0.5
        scores = torch.where(self.bias[:, :, :t, :t] > 0, scores, self.masked_bias)
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))


class Layer(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, context)
        self.mlp = nn.ModuleDict({"c_fc": Conv1D(4 * width, width),
                                  "c_proj": Conv1D(width, 4 * width)})

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        inner = nn.functional.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh")
        return x + self.mlp["c_proj"](inner)


class Gpt2(nn.Module):
    """The modules, names and tied head of Hugging Face's GPT2LMHeadModel."""

    def __init__(self, vocabulary, context, width, heads, depth):
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocabulary, width), "wpe": nn.Embedding(context, width),
            "h": nn.ModuleList(Layer(width, heads, context) for _ in range(depth)),
            "ln_f": nn.LayerNorm(width)})
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.transformer["wte"].weight

    def forward(self, tokens):
        part = self.transformer
        x = part["wte"](tokens) + part["wpe"](torch.arange(tokens.shape[1]))
        for layer in part["h"]:
            x = layer(x)
        return self.lm_head(part["ln_f"](x))


def gpt2():
    """For examples/gpt2 with other sizes: what PyTorch makes of a batch, and a file as models are published."""
    model = Gpt2(vocabulary=19, context=11, width=12, heads=3, depth=3)
    for name, parameter in model.named_parameters():
        if ".ln_" in name:                       # which start as ones and zeros
            parameter.data += 0.3 * torch.randn_like(parameter)
    tokens, following = torch.randint(0, 19, (3, 7)), torch.randint(0, 19, (3, 7))
    y = model(tokens)
    loss = nn.functional.cross_entropy(y.flatten(0, 1), following.flatten())
    loss.backward()
    tensors = {"input/tokens": tokens, "target/next": following, "output/logits": y,
               "infer/logits": y, "loss": loss.reshape(1)}
    for name, parameter in model.named_parameters():
        tensors["param/" + name] = parameter
        tensors["grad/" + name] = parameter.grad
    save("gpt2", tensors)
    save("gpt2_published", model.state_dict())


torch.manual_seed(1)
recurrent()
transformer()
windows()
gpt2()
grid()
primitives()
