"""Completes a model package: puts the weights' SHA-256 and golden vectors into its model.json.

python package_model.py PACKAGE --reference FILE.py [--weights FILE] [--seeds 1 2 3]

PACKAGE       folder with model.json; weights.safetensors is taken from there, or made from --weights
--weights     a .safetensors file, or a .pth checkpoint (a state dict, bare or under "model"; loaded without running code)
--reference   a Python file whose cxr_risk(width, hidden, classes) returns a torch module with the weights' keys

Golden logits are the PyTorch module's, in float32 on the CPU. The input generator is `value-noise-1`, described at GoldenVector
in Sources/Inference. Needs torch, numpy and safetensors; Longview itself needs no Python.
"""
import argparse
import hashlib
import importlib.util
import json
import pathlib
import shutil

import numpy as np
import torch
from safetensors.torch import load_file, save_file

MASK = (1 << 64) - 1
OCTAVES = [{"cell": 64, "amplitude": 0.6}, {"cell": 16, "amplitude": 0.28}, {"cell": 4, "amplitude": 0.12}]
# ImageNet's normalisation of grey values 0 to 1, rounded: near what a radiograph gives.
SCALE, OFFSET = [4.367, 4.464, 4.444], [-2.118, -2.036, -1.804]


def draws(seed):
    """SplitMix64, the upper 53 bits as a fraction."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield ((z ^ (z >> 31)) >> 11) * 2.0**-53


def value_noise(seed, octaves, scale, offset, height, width):
    """(channels, height, width) float32, equal to the bit with GoldenVector.input."""
    random = draws(seed)
    grey = np.zeros((height, width))
    for octave in octaves:
        cell = octave["cell"]
        rows, columns = (height - 1) // cell + 2, (width - 1) // cell + 2
        lattice = np.array([next(random) for _ in range(rows * columns)]).reshape(rows, columns)
        y, x = np.arange(height), np.arange(width)
        fy, fx = (y % cell / cell)[:, None], (x % cell / cell)[None, :]
        top, left = (y // cell)[:, None], (x // cell)[None, :]
        above = lattice[top, left] * (1 - fx) + lattice[top, left + 1] * fx
        below = lattice[top + 1, left] * (1 - fx) + lattice[top + 1, left + 1] * fx
        grey += octave["amplitude"] * (above * (1 - fy) + below * fy)
    return np.stack([(grey * s + o).astype(np.float32) for s, o in zip(scale, offset)])


def golden(net, seed, shape):
    x = value_noise(seed, OCTAVES, SCALE, OFFSET, shape["height"], shape["width"])
    with torch.inference_mode():
        logits = net(torch.from_numpy(x)[None])[0]
    return {"generator": "value-noise-1", "seed": seed, "octaves": OCTAVES, "scale": SCALE, "offset": OFFSET,
            "logits": [float(f"{v:.9g}") for v in logits.tolist()], "tolerance": 1e-4}


def reference_network(path, network):
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.cxr_risk(network["width"], network["hidden"], network["classes"]).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=pathlib.Path)
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()

    weights = arguments.package / "weights.safetensors"
    if arguments.weights and arguments.weights.suffix == ".pth":
        state = torch.load(arguments.weights, map_location="cpu", weights_only=True)
        save_file({k: v.contiguous() for k, v in state.get("model", state).items()}, weights)
    elif arguments.weights:
        shutil.copyfile(arguments.weights, weights)
    description = json.loads((arguments.package / "model.json").read_text())
    net = reference_network(arguments.reference, description["network"])
    missing, surplus = net.load_state_dict(load_file(weights), strict=False)
    wrong = [k for k in [*missing, *surplus] if not k.endswith("num_batches_tracked")]
    if wrong:
        raise SystemExit(f"the weights don't fit the network: {', '.join(wrong[:5])}")
    description["weightsSHA256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    description["golden"] = [golden(net, seed, description["input"]) for seed in arguments.seeds]
    (arguments.package / "model.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n")
    for vector in description["golden"]:
        print(vector["seed"], vector["logits"])


if __name__ == "__main__":
    main()
