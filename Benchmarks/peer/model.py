#!/usr/bin/env python3
"""Longview's inference beside ONNX Runtime and OpenVINO: same network, same machine, same run.

python model.py --onnx MODEL.onnx --longview PATH [--package DIR] [--rounds 7] [--iterations 5] [--cases 224x1 224x9 299x1]
                [--threads N] [--processor-time] [--avx2] [--cold] [--int8 INT8.onnx]

MODEL.onnx    Inception-v4 with the CXR-Risk head at width 1, exported from PyTorch, input "x" (N, 3, S, S)
--package     the same weights as a Longview package: needed for --cold, and makes every case compare the results, too
--processor-time  instead of wall time: on a machine that others use, too, with --threads 1
--avx2        also with every engine held to AVX2
--int8        instead, the quantised network (quantise.py) in OpenVINO and ONNX Runtime beside Longview's int8, and ONNX
              Runtime in float32
--cold        also process start to result, and peak memory, of one picture

Each round runs every engine for some iterations, one after the other, so that what else the machine does falls on all;
an engine's time is the median of its rounds' medians, a ratio the median of the rounds' ratios. Every engine gets the same
number of threads and a process of its own. Needs numpy, onnxruntime, openvino; prints Markdown.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

PEER = """
import sys, time, statistics
import numpy as np
engine, path, clock = sys.argv[1], sys.argv[2], getattr(time, sys.argv[3])
size, batch, iterations, threads = map(int, sys.argv[4:])
x = (np.random.default_rng(1).random((batch, 3, size, size), dtype=np.float32) * 4 - 2)
if engine == "onnxruntime":
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    run = lambda: session.run(None, {"x": x})
else:
    import openvino
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([batch, 3, size, size])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32",
                                                 "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    run = lambda: request.infer([x])
for _ in range(2):
    run()
print("ready", flush=True)
for line in sys.stdin:
    times = []
    for _ in range(iterations):
        start = clock()
        run()
        times.append(clock() - start)
    print(statistics.median(times) * 1e3, flush=True)
"""

# What a user would write to score one picture with ONNX Runtime.
ONE_SHOT = """
import sys
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[4])
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
np.save(sys.argv[3], session.run(None, {"x": np.load(sys.argv[2])})[0])
"""


def wait_for_quiet(limit=5.0):
    """Waits until other processes leave the processors alone, at most `limit` seconds."""
    def ticks():
        fields = [int(f) for f in open("/proc/stat").readline().split()[1:]]
        return sum(fields), fields[3] + fields[4]
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        before = ticks()
        time.sleep(0.2)
        after = ticks()
        if after[1] - before[1] >= 0.9 * (after[0] - before[0]):
            return True
    return False


class Peer:
    """An engine that waits for a round in a process of its own."""

    def __init__(self, engine, arguments, environment):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PEER, engine, *map(str, arguments)], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"{engine} did not start: is it installed for {sys.executable}?")

    def round(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def longview_round(a, size, batch, environment, arithmetic="float32"):
    command = [a.longview, "bench", "model", "--architecture", "inception-v4", "--width", "1.0", "--size", str(size),
               "--batch", str(batch), "--threads", str(a.threads), "--iterations", str(a.iterations), "--json",
               "--arithmetic", arithmetic]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def rounds(a, size, batch, engines, environment, arithmetic="float32"):
    """Milliseconds by round of each of `engines` (name: engine and file) and of Longview, and Longview's last report."""
    clock = "process_time" if a.processor_time else "perf_counter"
    peers = {name: Peer(engine, [path, clock, size, batch, a.iterations, a.threads], environment)
             for name, (engine, path) in engines.items()}
    times = {name: [] for name in [*engines, "longview"]}
    for _ in range(a.rounds):
        for name, peer in peers.items():
            if not a.processor_time:
                wait_for_quiet()
            times[name].append(peer.round())
        if not a.processor_time:
            wait_for_quiet()
        result = longview_round(a, size, batch, environment, arithmetic)
        times["longview"].append(result["cpu_ms" if a.processor_time else "median_ms"])
    for peer in peers.values():
        peer.close()
    return times, result


def ratio(times, peer):
    return statistics.median(p / l for p, l in zip(times[peer], times["longview"]))


def settings(a, avx2):
    environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads))
    if avx2:
        # OpenVINO's kernels come from oneDNN and from its own generator; ONNX Runtime's MLAS has no switch.
        environment.update(ONEDNN_MAX_CPU_ISA="AVX2", DNNL_MAX_CPU_ISA="AVX2", LONGVIEW_KERNELS="avx2")
    return environment


def compare(a, size, batch, avx2):
    names = ["openvino"] if avx2 else ["onnxruntime", "openvino"]
    times, result = rounds(a, size, batch, {name: (name, a.onnx) for name in names}, settings(a, avx2))
    medians = {name: statistics.median(values) for name, values in times.items()}
    fastest = min(names, key=medians.get)
    cells = [f"{medians[n]:.1f}" if n in medians else "" for n in ("onnxruntime", "openvino", "longview")]
    kernels = "AVX2" if avx2 else result["kernels"]
    print(f"| {size} | {batch} | {kernels} | {' | '.join(cells)} | {ratio(times, fastest):.2f} |", flush=True)
    return result["cpu"]


def compare_int8(a, size, batch, avx2):
    engines = {"openvino": ("openvino", a.int8)}
    if not avx2:
        engines = {"float32": ("onnxruntime", a.onnx), "onnxruntime": ("onnxruntime", a.int8), **engines}
    times, result = rounds(a, size, batch, engines, settings(a, avx2), "int8")
    medians = {name: statistics.median(values) for name, values in times.items()}
    cells = [f"{medians[n]:.1f}" if n in medians else "" for n in ("float32", "onnxruntime", "openvino", "longview")]
    ratios = [f"{ratio(times, n):.2f}" if n in medians else "" for n in ("openvino", "float32")]
    kernels = "AVX2" if avx2 else result["kernels"]
    print(f"| {size} | {batch} | {kernels} | {' | '.join(cells + ratios)} |", flush=True)
    return result["cpu"]


def timed(command, environment):
    """Wall seconds and peak resident MiB of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return elapsed, usage.ru_maxrss / 1024


def cold(a):
    environment = dict(os.environ, LONGVIEW_THREADS=str(a.threads))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        picture, mine, theirs = folder / "x.npy", folder / "longview.npy", folder / "onnxruntime.npy"
        np.save(picture, np.random.default_rng(1).random((1, 3, 224, 224), dtype=np.float32) * 4 - 2)
        commands = {
            "onnxruntime": [sys.executable, "-c", ONE_SHOT, a.onnx, str(picture), str(theirs), str(a.threads)],
            "longview": [a.longview, "model", "predict", a.package, "--tensor", str(picture), "--output", str(mine)],
        }
        measured = {name: [] for name in commands}
        for number in range(a.rounds + 1):
            for name, command in commands.items():
                wait_for_quiet()
                result = timed(command, environment)
                # The first fills the page cache.
                if number > 0:
                    measured[name].append(result)
        difference = np.abs(np.load(mine).astype(np.float64) - np.load(theirs)).max()
    seconds = {name: statistics.median(s for s, _ in values) for name, values in measured.items()}
    memory = {name: statistics.median(m for _, m in values) for name, values in measured.items()}
    ratio = statistics.median(p[0] / l[0] for p, l in zip(measured["onnxruntime"], measured["longview"]))
    print("\n| | ONNX Runtime | Longview | ratio |\n|---|---|---|---|")
    print(f"| process start to result, ms | {seconds['onnxruntime'] * 1e3:.0f} | {seconds['longview'] * 1e3:.0f} | {ratio:.2f} |")
    print(f"| peak memory, MiB | {memory['onnxruntime']:.0f} | {memory['longview']:.0f} | "
          f"{memory['onnxruntime'] / memory['longview']:.2f} |")
    print(f"\nLargest difference of a logit: {difference:.2e}")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--onnx", required=True)
    a.add_argument("--longview", required=True)
    a.add_argument("--package")
    a.add_argument("--rounds", type=int, default=7)
    a.add_argument("--iterations", type=int, default=5)
    a.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    a.add_argument("--cases", nargs="*", default=["224x1", "224x9", "299x1"])
    a.add_argument("--processor-time", action="store_true")
    a.add_argument("--avx2", action="store_true")
    a.add_argument("--cold", action="store_true")
    a.add_argument("--int8")
    a = a.parse_args()
    if a.cold and not a.package:
        sys.exit("--cold needs --package: the same weights as a Longview package")
    if a.int8:
        print("| size | batch | kernels | ONNX Runtime float32, ms | ONNX Runtime int8, ms | OpenVINO int8, ms "
              "| Longview int8, ms | OpenVINO / Longview | float32 / Longview |")
        print("|---|---|---|---|---|---|---|---|---|")
    else:
        print("| size | batch | kernels | ONNX Runtime, ms | OpenVINO, ms | Longview, ms | faster peer / Longview |")
        print("|---|---|---|---|---|---|---|")
    measure = compare_int8 if a.int8 else compare
    cpu = None
    for case in a.cases:
        size, batch = map(int, case.split("x"))
        cpu = measure(a, size, batch, avx2=False)
    if a.avx2:
        for case in a.cases:
            size, batch = map(int, case.split("x"))
            measure(a, size, batch, avx2=True)
    if a.cold:
        cold(a)
    if cpu:
        print(f"\n{a.threads} threads, {cpu}, {a.rounds} rounds of {a.iterations}")


if __name__ == "__main__":
    main()
