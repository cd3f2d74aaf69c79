#!/usr/bin/python3
"""Generated code and PyTorch side by side in one run, one thread: `make bench-peers`.

Both take turns in every round, so that a disturbance hits all alike; figures are medians over the
rounds. PyTorch runs in each of its modes, and the best one counts. A new model is a row of
MODELS."""

import argparse
import os
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    import torch
except ImportError:
    print("bench-peers: skipped: this python3 has no torch (Debian: apt-get install python3-torch)")
    sys.exit(0)

# ---- models: what the .nn file says, in PyTorch ----


def mnist_mlp():
    return torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


def lenet():
    n = torch.nn
    return n.Sequential(n.Conv2d(1, 16, 3, padding=1), n.ReLU(), n.MaxPool2d(2),
                        n.Conv2d(16, 32, 3, padding=1), n.ReLU(), n.MaxPool2d(2), n.Flatten(),
                        n.Linear(1568, 128), n.ReLU(), n.Dropout(0.25), n.Linear(128, 10))


class Residual(torch.nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        n = torch.nn
        self.body = n.Sequential(n.Conv2d(inputs, width, 3, stride, 1, bias=False),
                                 n.BatchNorm2d(width), n.ReLU(),
                                 n.Conv2d(width, width, 3, 1, 1, bias=False), n.BatchNorm2d(width))
        self.skip = n.Identity()
        if stride != 1 or inputs != width:
            self.skip = n.Sequential(n.Conv2d(inputs, width, 1, stride, bias=False),
                                     n.BatchNorm2d(width))

    def forward(self, x):
        return torch.relu(self.body(x) + self.skip(x))


def resnet20():
    n = torch.nn
    layers = [n.Conv2d(3, 16, 3, padding=1, bias=False), n.BatchNorm2d(16), n.ReLU()]
    for stage in range(3):
        for i in range(3):
            stride = 2 if stage > 0 and i == 0 else 1
            layers.append(Residual(16 * 2 ** stage // stride, 16 * 2 ** stage, stride))
    return n.Sequential(*layers, n.AdaptiveAvgPool2d(1), n.Flatten(), n.Linear(64, 10))


class Decoder(torch.nn.Module):
    def __init__(self, width, heads, context, gelu):
        super().__init__()
        n = torch.nn
        self.heads = heads
        self.ln_1, self.ln_2 = n.LayerNorm(width), n.LayerNorm(width)
        self.c_attn, self.c_proj = n.Linear(width, 3 * width), n.Linear(width, width)
        self.mlp = n.Sequential(n.Linear(width, 4 * width), n.GELU(gelu),
                                n.Linear(4 * width, width))
        self.register_buffer("later", torch.ones(context, context).triu(1).bool())

    def split(self, x):
        batch, t, d = x.shape
        qkv = self.c_attn(self.ln_1(x)).view(batch, t, 3, self.heads, d // self.heads)
        return qkv.permute(2, 0, 3, 1, 4).unbind(0)

    def forward(self, x):
        batch, t, d = x.shape
        q, k, v = self.split(x)
        scores = (q @ k.transpose(2, 3)) * (d // self.heads) ** -0.5
        y = torch.softmax(scores.masked_fill(self.later[:t, :t], float("-inf")), -1) @ v
        x = x + self.c_proj(y.transpose(1, 2).reshape(batch, t, d))
        return x + self.mlp(self.ln_2(x))


class Gpt(torch.nn.Module):
    def __init__(self, vocabulary=65, context=64, width=128, heads=4, depth=4, gelu="none"):
        super().__init__()
        n = torch.nn
        self.wte, self.wpe = n.Embedding(vocabulary, width), n.Embedding(context, width)
        self.h = n.Sequential(*[Decoder(width, heads, context, gelu) for _ in range(depth)])
        self.ln_f = n.LayerNorm(width)

    def forward(self, tokens):
        x = self.h(self.wte(tokens) + self.wpe.weight[:tokens.shape[1]])
        return self.ln_f(x) @ self.wte.weight.T


def gpt2():
    return Gpt(vocabulary=50257, context=1024, width=768, heads=12, depth=12, gelu="tanh")


class GptStep(Gpt):
    """One letter at a time, as examples/generate/char_gpt_step.nn: what attention needs of the
    letters before is kept, in caches that grow or in ones of full length."""

    def attend(self, block, x, cache, at, in_place):
        q, k, v = block.split(x)
        if in_place:
            cache[0][:, :, at:at + 1], cache[1][:, :, at:at + 1] = k, v
            k, v = cache[0][:, :, :at + 1], cache[1][:, :, :at + 1]
        else:
            k, v = (torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)) if at else (k, v)
            cache[:] = k, v
        scores = (q @ k.transpose(2, 3)) * q.shape[-1] ** -0.5
        y = torch.softmax(scores, -1) @ v
        x = x + block.c_proj(y.transpose(1, 2).reshape(x.shape))
        return x + block.mlp(block.ln_2(x))

    def stream(self, tokens, in_place):
        """The logits of each of the letters."""
        heads, d = self.h[0].heads, self.wte.weight.shape[1]
        empty = tokens.shape[0], heads, self.wpe.weight.shape[0], d // heads
        caches = [[torch.empty(empty), torch.empty(empty)] for _ in self.h]
        logits = []
        for at in range(tokens.shape[1]):
            x = self.wte(tokens[:, at:at + 1]) + self.wpe.weight[at]
            for block, cache in zip(self.h, caches):
                x = self.attend(block, x, cache, at, in_place)
            logits.append(self.ln_f(x) @ self.wte.weight.T)
        return logits


class LstmClassifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(40, 128, batch_first=True)
        self.fc = torch.nn.Linear(128, 10)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


def reals(*shape):
    return lambda batch: torch.rand(batch, *shape)


def integers(limit, *shape):
    return lambda batch: torch.randint(0, limit, (batch, *shape))


class Model:
    """given and wanted make the inputs and targets of a batch; limits: what the project asks for,
    by the names of the checks below. large: a step takes seconds, so steps alone are timed, few of
    them, on the widest target. wanted None: there is no training, a stream is timed, of
    which `given` makes all steps."""

    def __init__(self, path, build, given, wanted, batch, limits, data=None, pictures=False,
                 large=False):
        self.large = large
        self.path, self.build, self.given, self.wanted = path, build, given, wanted
        self.batch, self.limits, self.data, self.pictures = batch, limits, data, pictures


MODELS = [
    Model("examples/mnist_mlp.nn", mnist_mlp, reals(784), integers(10), 128,
          {"step of peak": 0.80, "step over torch": 2.0, "infer of L2": 0.85,
           "infer over torch": 3.0, "epoch": 1.6}, data="mnist"),
    Model("examples/lenet.nn", lenet, reals(1, 28, 28), integers(10), 64,
          {"step over torch": 2.3, "infer over torch": 7.0}, pictures=True),
    Model("examples/resnet20.nn", resnet20, reals(3, 32, 32), integers(10), 32,
          {"step over torch": 2.0, "infer over torch": 2.5}, pictures=True),
    Model("examples/char_gpt.nn", Gpt, integers(65, 64), integers(65, 64), 12,
          {"step of peak": 0.75, "step over torch": 1.7, "infer over torch": 1.9}),
    Model("examples/gpt2/gpt2.nn", gpt2, integers(50257, 64), integers(50257, 64), 4,
          {"step over torch": 1.3}, large=True),
    Model("examples/generate/char_gpt_step.nn", GptStep, integers(65, 64), None, 1,
          {"step of stream over torch": 8.0}),
    Model("tests/bench/lstm_classifier.nn", LstmClassifier, reals(100, 40), integers(10), 32,
          {"step over torch": 2.5, "infer over torch": 6.0}),
]

# ---- PyTorch's side ----


def memory_formats(model):
    formats = {"": torch.contiguous_format}
    if model.pictures:
        formats[", channels last"] = torch.channels_last
    return formats.items()


def torch_steps(model):
    """Name and function of each way to take a training step."""
    ways = {}
    for suffix, form in memory_formats(model):
        given = model.given(model.batch)
        given = given.to(memory_format=form) if model.pictures else given
        wanted = model.wanted(model.batch).flatten()
        for foreach in (False, True):
            net = model.build().to(memory_format=form)
            try:
                adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=foreach)
            except TypeError:
                continue

            def step(net=net, adam=adam, given=given):
                adam.zero_grad(set_to_none=True)
                torch.nn.functional.cross_entropy(net(given).flatten(0, -2), wanted).backward()
                adam.step()

            ways[("eager, foreach Adam" if foreach else "eager") + suffix] = step
    return ways


def torch_inferences(model):
    ways = {}
    for suffix, form in memory_formats(model):
        given = model.given(1)
        given = given.to(memory_format=form) if model.pictures else given
        net = model.build().eval().to(memory_format=form)
        ways["eager" + suffix] = lambda net=net, given=given: net(given)
        frozen = torch.jit.freeze(torch.jit.trace(net, given))
        ways["frozen JIT" + suffix] = lambda frozen=frozen, given=given: frozen(given)
        try:
            tuned = torch.jit.optimize_for_inference(torch.jit.trace(net, given))
            ways["frozen JIT, optimize_for_inference" + suffix] = (
                lambda tuned=tuned, given=given: tuned(given))
        except (AttributeError, RuntimeError):
            pass
    return ways


def torch_streams(model):
    """The mean time of a step of a stream in each way."""
    tokens, net = model.given(1), model.build().eval()
    inside = {"eager, caches that grow": False, "eager, caches in place": True}
    return {name: lambda in_place=in_place: net.stream(tokens, in_place)
            for name, in_place in inside.items()}


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def burst(function, seconds=0.01, least=3):
    """Median CPU seconds of a call over a burst, as the other side measures: of all threads, for
    the backward pass runs on one of its own."""
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < least:
        before = time.process_time()
        function()
        times.append(time.process_time() - before)
    return median(times)


# ---- generated code's side ----


class Server:
    """tests/bench/bench: measures what is asked for."""

    def __init__(self, bench, target, model, data):
        command = [bench, "-t", target, "-o", "build/bench", "-b",
                   str(model.batch)]
        if data and os.path.isdir(data):
            command += ["-d", data]
        self.target = target
        self.process = subprocess.Popen(command + [model.path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("bench-peers: the bench of %s ended" % self.target)
        return float(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- one run ----


def measure(model, servers, rounds):
    steps, inferences = torch_steps(model), torch_inferences(model)
    times = {}

    def note(key, value):
        times.setdefault(key, []).append(value)

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with torch.inference_mode():
        for way in inferences.values():
            for _ in range(20):
                burst(way)
    for way in steps.values():
        burst(way, 0.2)
    for _ in range(rounds):
        for server in servers:
            for word in ("peak", "read", "infer", "step"):
                note((server.target, word), server.ask(word))
        for name, way in steps.items():
            note(("torch step", name), burst(way, 0.02))
        with torch.inference_mode():
            for name, way in inferences.items():
                note(("torch infer", name), burst(way))
    result = {key: median(values) for key, values in times.items()}
    for server in servers:
        for word in ("flops", "infer_flops"):
            result[server.target, word] = server.ask(word)
        result[server.target, "steps"] = server.ask("steps")
        epochs = [server.ask("epoch") for _ in range(3)] if result[server.target, "steps"] else [-1]
        result[server.target, "epoch"] = median(epochs)
    return result


def measure_large(model, servers, rounds):
    times = {}
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    steps = torch_steps(model)
    for way in steps.values():
        burst(way, 0, 2)
    for _ in range(min(rounds, 4)):
        for word in ("peak", "step"):
            times.setdefault((servers[0].target, word), []).append(servers[0].ask(word))
        for name, way in steps.items():
            times.setdefault(("torch step", name), []).append(burst(way, 0, 1))
    result = {key: median(values) for key, values in times.items()}
    result["least"] = {key: min(values) for key, values in times.items()}
    result[servers[0].target, "flops"] = servers[0].ask("flops")
    return result


def measure_stream(model, servers, rounds):
    steps = model.given(1).shape[1]
    times = {(server.target, "stream"): [] for server in servers}
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with torch.inference_mode():
        ways = torch_streams(model)
        for way in ways.values():
            burst(way, 0.2)
        for _ in range(rounds):
            for server in servers:
                times[server.target, "stream"].append(server.ask("stream"))
            for name, way in ways.items():
                times.setdefault(("torch stream", name), []).append(burst(way, 0.1) / steps)
    return {key: median(values) for key, values in times.items()}


def line(text, seconds, note=""):
    unit, scale = ("us", 1e6) if seconds < 1e-2 else ("ms", 1e3)
    print("  %-44s %9.2f %s   %s" % (text, seconds * scale, unit, note))


def best(result, kind):
    times = [(key[1], value) for key, value in result.items() if key[0] == kind]
    return min(times, key=lambda pair: pair[1])


def report_steps(model, servers, result, checks):
    step_name, step = best(result, "torch step")
    print("%s, batch %d, one thread; PyTorch %s" % (model.path, model.batch, torch.__version__))
    print(" training step: forward, loss, backward, Adam; %.1f MFLOP"
          % (result[servers[0].target, "flops"] / 1e6))
    for (kind, name), value in result.items():
        if kind == "torch step":
            line("PyTorch, " + name, value, "best" if name == step_name else "")
    for server in servers:
        t, peak = server.target, result[server.target, "peak"]
        rate = result[t, "flops"] / result[t, "step"]
        line("generated, " + t, result[t, "step"],
             "%.1f GFLOP/s, %.1f%% of the peak of %.1f; %.2fx as fast as PyTorch"
             % (rate / 1e9, 100 * rate / peak, peak / 1e9, step / result[t, "step"]))
        checks.append((t, "step of peak", rate / peak))
        checks.append((t, "step over torch", step / result[t, "step"]))


def report_large(model, servers, result):
    checks, least = [], result.pop("least")
    report_steps(model, servers, result, checks)
    ours = least[servers[0].target, "step"]
    name, theirs = best(least, "torch step")
    line("the least of each: generated", ours, "%.2fx as fast as PyTorch, %s, %.2f ms"
         % (theirs / ours, name, theirs * 1e3))
    return checks


def report(model, servers, result):
    """Prints the tables; returns the checks of the widest target: (name, value)."""
    checks = []
    infer_name, infer = best(result, "torch infer")
    frozen = min(value for key, value in result.items()
                 if key[0] == "torch infer"
                 and key[1] in ("frozen JIT", "frozen JIT, channels last"))
    report_steps(model, servers, result, checks)
    print(" inference at batch 1")
    for (kind, name), value in result.items():
        if kind == "torch infer":
            line("PyTorch, " + name, value, "best" if name == infer_name else "")
    for server in servers:
        t = server.target
        line("generated, " + t, result[t, "infer"],
             "%s; %.2fx as fast as the frozen JIT"
             % (infer_share(model, result, t), frozen / result[t, "infer"]))
        checks.append((t, "infer of L2", parameter_bound(model, result, t) / result[t, "infer"]))
        checks.append((t, "infer over torch", frozen / result[t, "infer"]))
    for server in servers if model.data else []:
        t = server.target
        if result[t, "epoch"] <= 0:
            print(" no epoch: the data in %s is missing" % model.data)
            break
        total = result[t, "steps"] * result[t, "step"]
        if server is servers[0]:
            print(" an epoch, shuffling and loading included, CPU time")
        line("generated, " + t, result[t, "epoch"],
             "%.2fx the sum of its %d steps, %.2f ms"
             % (result[t, "epoch"] / total, result[t, "steps"], total * 1e3))
        checks.append((t, "epoch", result[t, "epoch"] / total))
    return checks


def report_stream(model, servers, result):
    name, torch_step = best(result, "torch stream")
    checks = []
    print("%s, batch 1, one thread; PyTorch %s" % (model.path, torch.__version__))
    print(" a step of a stream, the mean over %d" % model.given(1).shape[1])
    for (kind, way), value in result.items():
        if kind == "torch stream":
            line("PyTorch, " + way, value, "best" if way == name else "")
    for server in servers:
        value = result[server.target, "stream"]
        line("generated, " + server.target, value,
             "%.2fx as fast as PyTorch" % (torch_step / value))
        checks.append((server.target, "step of stream over torch", torch_step / value))
    return checks


def parameter_bound(model, result, target):
    """Seconds to read the parameters from cache: what bounds a network without reuse."""
    return 4.0 * sum(p.numel() for p in model.build().parameters()) / result[target, "read"]


def infer_share(model, result, target):
    seconds, peak = result[target, "infer"], result[target, "peak"]
    if "infer of L2" not in model.limits:
        rate = result[target, "infer_flops"] / seconds
        return "%.1f GFLOP/s, %.1f%% of the peak" % (rate / 1e9, 100 * rate / peak)
    bound = parameter_bound(model, result, target)
    return ("%.1f%% of the bound of %.2f us (parameters from cache at %.0f GB/s)"
            % (100 * bound / seconds, bound * 1e6, result[target, "read"] / 1e9))


def judge(model, checks):
    print(" asked for")
    for target, name, value in checks:
        if name not in model.limits or (target == "avx2" and name != "step of peak"):
            continue
        limit, most = model.limits[name], name == "epoch"
        met = value <= limit if most else value >= limit
        print("  %-8s %-25s %6.2f   %s %.2f   %s"
              % (target, name, value, "at most " if most else "at least", limit,
                 "met" if met else "MISSED"))
    print()


def own_targets():
    try:
        flags = open("/proc/cpuinfo").read()
    except OSError:
        return ["native"]
    known = (("avx512", " avx512vl"), ("avx2", " avx2"))
    return [target for target, flag in known if flag in flags] or ["native"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", default="build/tests/bench/bench")
    parser.add_argument("--target", action="append", help="default: the vector targets it has")
    parser.add_argument("--data", default="../shared/data", help="directory of the data sets")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("models", nargs="*", help="words in the paths of models; default: all")
    options = parser.parse_args()
    for model in MODELS:
        if options.models and not any(word in model.path for word in options.models):
            continue
        data = model.data and os.path.join(options.data, model.data)
        targets = options.target or own_targets()
        servers = [Server(options.bench, t, model, data)
                   for t in (targets[:1] if model.large else targets)]
        timed, told = (measure, report) if model.wanted else (measure_stream, report_stream)
        if model.large:
            timed, told = measure_large, report_large
        judge(model, told(model, servers, timed(model, servers, options.rounds)))
        for server in servers:
            server.close()


if __name__ == "__main__":
    main()
