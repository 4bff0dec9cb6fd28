#!/usr/bin/env python3
"""Quantises an ONNX network to int8 with ONNX Runtime's static quantiser, for model.py.

python quantise.py MODEL.onnx --output INT8.onnx [--size 224] [--pictures 8]

QDQ form, weights by output channel, activations without sign; calibrated (minima and maxima) on smooth random pictures,
which is enough to measure time with. Needs numpy, onnx, onnxruntime.
"""
import argparse
import pathlib
import tempfile

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Pictures(CalibrationDataReader):
    def __init__(self, count, size):
        random = np.random.default_rng(1)
        grain = random.random((count, 3, size // 8, size // 8), dtype=np.float32) * 4 - 2
        self.pictures = iter(np.kron(grain, np.ones((1, 1, 8, 8), dtype=np.float32)))

    def get_next(self):
        picture = next(self.pictures, None)
        return None if picture is None else {"x": picture[None]}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("onnx")
    a.add_argument("--output", required=True)
    a.add_argument("--size", type=int, default=224)
    a.add_argument("--pictures", type=int, default=8)
    a = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepared = pathlib.Path(folder) / "prepared.onnx"
        # Folds batch norms; shapes depend on a free number of pictures, and are not needed.
        quant_pre_process(a.onnx, str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), a.output, Pictures(a.pictures, a.size), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    main()
