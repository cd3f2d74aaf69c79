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


class Model:
    def __init__(self, path, build, image, classes, batch, data, limits):
        self.path, self.build, self.image, self.classes = path, build, image, classes
        self.batch, self.data, self.limits = batch, data, limits


# limits: what issue 2 asks for, by the names of the checks below.
MODELS = [
    Model("examples/mnist_mlp.nn", mnist_mlp, (784,), 10, 128, "mnist",
          {"step of peak": 0.80, "step over torch": 2.0, "infer of L2": 0.85,
           "infer over torch": 3.0, "epoch": 1.6}),
]

# ---- PyTorch's side ----


def torch_steps(model):
    """Name and function of each way to take a training step."""
    image = torch.rand(model.batch, *model.image)
    label = torch.randint(0, model.classes, (model.batch,))
    ways = {}
    for foreach in (False, True):
        net = model.build()
        try:
            adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=foreach)
        except TypeError:
            continue

        def step(net=net, adam=adam):
            adam.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(net(image), label).backward()
            adam.step()

        ways["eager, foreach Adam" if foreach else "eager"] = step
    return ways


def torch_inferences(model):
    image = torch.rand(1, *model.image)
    net = model.build().eval()
    ways = {"eager": lambda: net(image)}
    traced = torch.jit.trace(net, image)
    frozen = torch.jit.freeze(traced)
    ways["frozen JIT"] = lambda: frozen(image)
    try:
        tuned = torch.jit.optimize_for_inference(torch.jit.trace(net, image))
        ways["frozen JIT, optimize_for_inference"] = lambda: tuned(image)
    except (AttributeError, RuntimeError):
        pass
    return ways


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def burst(function, seconds=0.01):
    """Median seconds of a call over a burst."""
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(times) < 5:
        before = time.perf_counter()
        function()
        times.append(time.perf_counter() - before)
    return median(times)


# ---- generated code's side ----


class Server:
    """tests/bench/bench -i: measures what is asked for."""

    def __init__(self, bench, target, model, data):
        command = [bench, "-i", "-t", target, "-o", "build/bench"]
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
            for _ in range(300):
                way()
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
        result[server.target, "flops"] = server.ask("flops")
        result[server.target, "steps"] = server.ask("steps")
        epochs = [server.ask("epoch") for _ in range(3)] if result[server.target, "steps"] else [-1]
        result[server.target, "epoch"] = median(epochs)
    return result


def line(text, seconds, note=""):
    unit, scale = ("us", 1e6) if seconds < 1e-2 else ("ms", 1e3)
    print("  %-44s %9.2f %s   %s" % (text, seconds * scale, unit, note))


def best(result, kind):
    times = [(key[1], value) for key, value in result.items() if key[0] == kind]
    return min(times, key=lambda pair: pair[1])


def report(model, servers, result):
    """Prints the tables; returns the checks of the widest target: (name, value)."""
    checks = []
    step_name, step = best(result, "torch step")
    infer_name, infer = best(result, "torch infer")
    frozen = result["torch infer", "frozen JIT"]
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
    print(" inference at batch 1")
    for (kind, name), value in result.items():
        if kind == "torch infer":
            line("PyTorch, " + name, value, "best" if name == infer_name else "")
    for server in servers:
        t = server.target
        bound = 4.0 * parameters(model) / result[t, "read"]
        line("generated, " + t, result[t, "infer"],
             "%.1f%% of the bound of %.2f us (parameters from cache at %.0f GB/s); %.2fx as fast "
             "as the frozen JIT" % (100 * bound / result[t, "infer"], bound * 1e6,
                                 result[t, "read"] / 1e9, frozen / result[t, "infer"]))
        checks.append((t, "infer of L2", bound / result[t, "infer"]))
        checks.append((t, "infer over torch", frozen / result[t, "infer"]))
    for server in servers:
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


def parameters(model):
    return sum(p.numel() for p in model.build().parameters())


def judge(model, checks):
    print(" asked for")
    for target, name, value in checks:
        if name not in model.limits or (target == "avx2" and name != "step of peak"):
            continue
        limit, most = model.limits[name], name == "epoch"
        met = value <= limit if most else value >= limit
        print("  %-8s %-20s %6.2f   %s %.2f   %s"
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
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    for model in MODELS:
        data = os.path.join(options.data, model.data)
        servers = [Server(options.bench, t, model, data) for t in options.target or own_targets()]
        judge(model, report(model, servers, measure(model, servers, options.rounds)))
        for server in servers:
            server.close()


if __name__ == "__main__":
    main()
