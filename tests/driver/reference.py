"""Writes what reference.nn computes, after a change: python3 reference.py FILE "t['input/x'] *= 2"."""
import json
import struct
import sys

import numpy

r = numpy.random.default_rng(5)
t = {"param/a.weight": r.normal(size=(3, 3)), "param/a.bias": r.normal(size=3),
     "param/norm.weight": r.normal(size=3), "param/norm.bias": r.normal(size=3),
     "param/b.weight": r.normal(size=(2, 3)), "param/b.bias": r.normal(size=2),
     "input/x": r.normal(size=(4, 3))}


def norm(x, eps=1e-5):
    x = (x - x.mean(1, keepdims=True)) / numpy.sqrt(x.var(1, keepdims=True) + eps)
    return x * t["param/norm.weight"] + t["param/norm.bias"]


t["act/a"] = t["input/x"] @ t["param/a.weight"].T + t["param/a.bias"]
t["act/norm"] = norm(numpy.tanh(t["act/a"]))
t["act/b"] = t["act/norm"] @ t["param/b.weight"].T + t["param/b.bias"]
t["output/y"] = t["infer/y"] = t["act/b"]
exec(sys.argv[2])

header, at = {}, 0
for name, value in t.items():
    t[name] = numpy.ascontiguousarray(value, dtype="<f4")
    header[name] = {"dtype": "F32", "shape": list(value.shape),
                    "data_offsets": [at, at + t[name].nbytes]}
    at += t[name].nbytes
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text)
    for value in t.values():
        f.write(value.tobytes())
