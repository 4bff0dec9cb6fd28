#!/usr/bin/env python3
"""Exports a Longview package's network from PyTorch to ONNX, for model.py.

python export.py PACKAGE --reference FILE.py --output MODEL.onnx

FILE.py has cxr_risk(width, hidden, classes), which returns a torch module with the weights' keys. Pictures, rows and columns
stay free. Needs torch, onnx and safetensors.
"""
import argparse
import importlib.util
import json
import pathlib

import torch
from safetensors.torch import load_file


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("package", type=pathlib.Path)
    a.add_argument("--reference", required=True)
    a.add_argument("--output", required=True)
    a = a.parse_args()
    description = json.loads((a.package / "model.json").read_text())
    spec = importlib.util.spec_from_file_location("reference", a.reference)
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    network, shape = description["network"], description["input"]
    net = reference.cxr_risk(network["width"], network["hidden"], network["classes"]).eval()
    net.load_state_dict(load_file(a.package / "weights.safetensors"), strict=False)
    x = torch.zeros(2, shape["channels"], shape["height"], shape["width"])
    torch.onnx.export(net, (x,), a.output, dynamo=False, opset_version=17, input_names=["x"], output_names=["logits"],
                      dynamic_axes={"x": {0: "N", 2: "H", 3: "W"}, "logits": {0: "N"}})


if __name__ == "__main__":
    main()
