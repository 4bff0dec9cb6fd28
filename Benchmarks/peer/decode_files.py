"""The benchmark's files: one radiograph in every transfer syntax that radiographs come in."""

import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import UID

COLUMNS, ROWS, BITS = 2000, 2500, 12


def radiograph(longview, folder):
    """A synthetic chest of ROWS x COLUMNS in BITS bits, explicit little endian: the middle of a larger one."""
    source = folder / "source"
    subprocess.run([longview, "demo-data", "--count", "40", "--seed", "5", "--output", source], check=True,
                   stderr=subprocess.DEVNULL)
    for path in sorted(source.iterdir()):
        dataset = pydicom.dcmread(path)
        top, left = (dataset.Rows - ROWS) // 2, (dataset.Columns - COLUMNS) // 2
        if top >= 0 and left >= 0 and dataset.BitsStored >= BITS:
            pixels = dataset.pixel_array[top:top + ROWS, left:left + COLUMNS] >> (dataset.BitsStored - BITS)
            set_pixels(dataset, pixels, BITS)
            return dataset
    raise SystemExit("error: no synthetic radiograph is large enough; was demo-data changed?")


def set_pixels(dataset, pixels, bits):
    cells = 8 if bits <= 8 else 16
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = cells, bits, bits - 1
    dataset.PixelData = np.ascontiguousarray(pixels, "<u1" if cells == 8 else "<u2").tobytes()
    dataset["PixelData"].VR = "OB" if cells == 8 else "OW"


def encapsulated(dataset, syntax, codestream):
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.PixelData = encapsulate([codestream + b"\0" * (len(codestream) % 2)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


# Name, whether it is lossy, and how it is made: DCMTK's tool with its options, or a function of the stored values.
SYNTAXES = [
    ("implicit LE", False, ["dcmconv", "+ti"]),
    ("explicit LE", False, ["dcmconv", "+te"]),
    ("explicit BE", False, ["dcmconv", "+tb"]),
    ("deflated", False, ["dcmconv", "+td"]),
    ("encapsulated uncompressed", False, ("1.2.840.10008.1.2.1.98", lambda pixels: pixels.tobytes())),
    ("RLE", False, ["dcmcrle"]),
    ("JPEG baseline, 8 bits", True, ["dcmcjpeg", "+eb", "+q", "90"]),
    ("JPEG extended, 12 bits", True, ["dcmcjpeg", "+ee", "+q", "90"]),
    ("JPEG lossless, process 14", False, ["dcmcjpeg", "+el", "+sv", "6"]),
    ("JPEG lossless, SV1", False, ["dcmcjpeg", "+e1"]),
    ("JPEG-LS lossless", False, ["dcmcjpls", "+el"]),
    ("JPEG-LS near-lossless", True, ["dcmcjpls", "+en", "+md", "3"]),
    ("JPEG 2000 lossless", False, ("1.2.840.10008.1.2.4.90",
                                   lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=BITS,
                                                                            reversible=True))),
    ("JPEG 2000 lossy", True, ("1.2.840.10008.1.2.4.91",
                               lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=BITS,
                                                                        level=60, reversible=False))),
    ("HTJ2K lossless", False, ("1.2.840.10008.1.2.4.201",
                               lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True))),
]


def make(longview, folder):
    """Writes the files that are missing and returns (name, lossy, path) of all."""
    folder.mkdir(parents=True, exist_ok=True)
    base, narrow = folder / "base.dcm", folder / "base8.dcm"
    if not narrow.exists():
        dataset = radiograph(longview, folder)
        dataset.save_as(base)
        set_pixels(dataset, dataset.pixel_array >> (BITS - 8), 8)
        dataset.save_as(narrow)
    files = []
    for name, lossy, how in SYNTAXES:
        path = folder / (name.replace(",", "").replace(" ", "-") + ".dcm")
        if not path.exists():
            if isinstance(how, list):
                source = narrow if "8 bits" in name else base
                subprocess.run([*how, str(source), str(path)], check=True)
            else:
                dataset = pydicom.dcmread(base)
                encapsulated(dataset, how[0], how[1](dataset.pixel_array))
                dataset.save_as(path)
        files.append((name, lossy, path))
    return files
