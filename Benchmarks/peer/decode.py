"""Decode and render times of Longview beside pydicom (with its plug-ins) and GDCM, on the same files in the same run.

    python3 -m venv peers && peers/bin/pip install pydicom pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg \\
        pylibjpeg-rle pyjpegls pillow imagecodecs
    apt-get install dcmtk g++ libgdcm-dev
    peers/bin/python Benchmarks/peer/decode.py --longview .build/release/longview --files FOLDER

Every round asks the three in turn, a few times each, so that what else the machine does falls on all of them; a ratio
is the median of those of the rounds. A file is in the page cache; each decoder opens, reads and decodes it to an array of stored values. Rendering is timed apart:
trim, level and a Lanczos resampling to a shorter side of 512, for the peers by NumPy and Pillow.
"""

import argparse
import hashlib
import json
import operator
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.pixels import pixel_array

import decode_files
from rendering import render

SECONDS = 5  # of rounds for a file, at least
RUNS = 2  # of each decoder in a round, after one that is not counted


class Resident:
    """A decoder as a process that answers lines."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def decode(path, plugin):
    """The stored values by pydicom; from the path, which reads less, but where that cannot be."""
    source = pydicom.dcmread(path) if "deflated" in path.name else path
    return pixel_array(source, raw=True, decoding_plugin=plugin)


def plugins(path):
    """The plug-ins of pydicom that decode this file; one empty name for a file that needs none."""
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    found = []
    for name in ("pylibjpeg", "pyjpegls") if syntax.is_compressed else ("",):
        try:
            decode(path, name)
            found.append(name)
        except (AttributeError, NotImplementedError, RuntimeError, ValueError):
            pass
    return found


def timed(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def digest(pixels):
    return hashlib.sha256(np.ascontiguousarray(pixels, "<i4").tobytes()).hexdigest()


def verify(name, lossy, path, gdcm, longview):
    """The three must read the same values; of a lossy file, Longview those of one peer, and the peers within 1."""
    theirs = {f"pydicom {plugin}": decode(path, plugin) for plugin in plugins(path)}
    dump = path.with_suffix(".raw")
    if gdcm.ask(f"dump {dump} {path}") == "done":
        kind = "<u1" if "8 bits" in name else "<u2"
        theirs["GDCM"] = np.fromfile(dump, kind).reshape(decode_files.ROWS, decode_files.COLUMNS)
        dump.unlink()
    if not theirs:
        theirs["the original"] = decode(path.with_name("base.dcm"), "")
    answer = subprocess.run([longview, "dicom", "digest", "--json", path], check=True, capture_output=True, text=True)
    ours = json.loads(answer.stdout)["stored_pixels_sha256"]
    equal = [peer for peer, pixels in theirs.items() if digest(pixels) == ours]
    arrays = [pixels.astype(np.int32) for pixels in theirs.values()]
    spread = max(int(abs(array - arrays[0]).max()) for array in arrays)
    if not equal or spread > (1 if lossy else 0):
        raise SystemExit(f"error: {name}: decoders disagree: Longview equals {equal}, peers differ by {spread}")
    return next(iter(theirs.values()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--longview", type=Path, default=Path(".build/release/longview"))
    parser.add_argument("--files", type=Path, required=True, help="where the test files are, or are made")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="syntaxes whose names contain this")
    arguments = parser.parse_args()

    files = [entry for entry in decode_files.make(arguments.longview, arguments.files) if arguments.only in entry[0]]
    program = Path(tempfile.mkdtemp()) / "gdcm_decode"
    subprocess.run(["g++", "-O2", "-std=c++17", "-I/usr/include/gdcm-3.0", Path(__file__).with_name("gdcm_decode.cpp"),
                    "-o", program, "-lgdcmMSFF", "-lgdcmDICT", "-lgdcmDSED", "-lgdcmCommon"], check=True)
    gdcm = Resident(program, RUNS)
    longview = Resident(arguments.longview, "bench", "pipeline", "--stage", "decode", "--json", "--iterations", RUNS, "-")

    print("| transfer syntax | Longview | pydicom | GDCM | Longview / faster peer | render | NumPy and Pillow |")
    print("|---|---|---|---|---|---|---|")
    slower = 0
    for name, lossy, path in files:
        pixels = verify(name, lossy, path, gdcm, arguments.longview)
        names = plugins(path)
        times = {key: [] for key in ("longview", "render", "gdcm", "peer render", *names)}
        started = time.monotonic()
        # Short work takes more rounds: another process's slice of time weighs more on it.
        while len(times["longview"]) < arguments.rounds or time.monotonic() < started + SECONDS:
            answer = json.loads(longview.ask(path))
            times["longview"].append(answer["decode_ms"]["median"])
            times["render"].append(answer["render_ms"]["median"])
            answer = gdcm.ask(path)
            if answer != "failed":
                times["gdcm"].append(statistics.median(map(float, answer.split())))
            for plugin in names:
                def work(plugin=plugin):
                    decode(path, plugin)
                work()
                times[plugin].append(statistics.median(timed(work) for _ in range(RUNS)))
            if len(times["peer render"]) < arguments.rounds:
                times["peer render"].append(timed(lambda: render(pixels)))
        median = {key: statistics.median(values) if values else None for key, values in times.items()}
        best = min(names, key=median.get, default=None)
        # The faster peer is the one with the greater ratio.
        ratios = [statistics.median(map(operator.truediv, times["longview"], times[key]))
                  for key in ("gdcm", *names) if times[key]]
        ratio = f"{max(ratios):.2f}" if ratios else ""
        slower += any(ratio > 1 for ratio in ratios)
        theirs = "cannot" if best is None else f"{median[best]:.1f} {f'({best})' if best else ''}".strip()
        gdcms = "cannot" if median["gdcm"] is None else f"{median['gdcm']:.1f}"
        print(f"| {name} | {median['longview']:.1f} | {theirs} | {gdcms} | {ratio} | {median['render']:.1f} | "
              f"{median['peer render']:.1f} |", flush=True)
    print(f"\nmilliseconds, medians of at least {arguments.rounds} rounds of {RUNS} runs; "
          f"slower than the faster peer: {slower} of {len(files)}")


if __name__ == "__main__":
    main()
