"""Trains the pixel-based check for upright frontal chest radiographs and writes Sources/Imaging/FrontalCheckWeights.swift.

python train_frontal_check.py CORPUS --synthetic FOLDER [--output FILE.swift] [--seed 1] [--steps 2600] [--folds 1 2] [--report 3]

CORPUS        folder with manifest.csv (file, label, fold) and images/: frontal chest radiographs. Only rows of NIH
              ChestX-ray8 are read: no other source's terms allow it to take part in weights that ship.
--synthetic   folder of PNG files made by `longview demo-data` and `longview dicom render`
--folds       folds that take part in training
--report      a fold whose margins are printed, for the choice of the thresholds; the remaining fold is for testing alone

What is not a frontal chest is made here: parts, shuffles and turns of the radiographs, projections of random ellipsoid
thoraces from the side, random limbs and shapes, noise, and photographs that scikit-image ships (public domain or CC0).
No real lateral radiograph takes part. The network and its integer arithmetic are described at FrontalCheck in
Sources/Imaging; `IntegerNetwork` below repeats it to the bit. Needs torch, numpy, pillow, scikit-image.
"""
import argparse
import base64
import csv
import hashlib
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

CLASSES = ["frontal", "upside_down", "rotated", "inverted", "not_frontal_chest"]
FRONTAL, UPSIDE_DOWN, ROTATED, INVERTED, OTHER = range(5)
SIDE = 32  # rows and columns of the network's input
SAMPLES = 16  # the most rows, and columns, that are sampled in a cell
BASE = 96  # rows and columns of the radiographs that views are sampled from
FRACTION = 11  # fractional bits of activations
CEILING = (1 << 14) - 1  # the highest activation
CHANNELS = [1, 16, 32, 40]
HIDDEN = 32
PHOTOGRAPHS = [
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field", "moon", "rocket",
]


# The network's input, in integers


def cells(pixels, side=SIDE):
    """(side, side) averages of `pixels` in 1/256 grey levels, from at most SAMPLES × SAMPLES pixels a cell."""
    def positions(extent):
        for i in range(side):
            first = i * extent // side
            span = max((i + 1) * extent // side - first, 1)
            count = min(span, SAMPLES)
            yield [first + k * span // count for k in range(count)]

    rows, columns = list(positions(pixels.shape[0])), list(positions(pixels.shape[1]))
    pixels = pixels.astype(np.int64)
    across = np.stack([pixels[:, c].sum(1) for c in columns], 1)
    sums = np.stack([across[r].sum(0) for r in rows], 0)
    counts = np.outer([len(r) for r in rows], [len(c) for c in columns])
    return sums * 256 // counts


def ranks(values):
    """Mid-ranks of the values of each picture, about 0: −1023 … 1023 of 32 × 32."""
    flat = values.reshape(values.shape[0], -1).contiguous()
    ordered = flat.sort(1).values
    below = torch.searchsorted(ordered, flat)
    upTo = torch.searchsorted(ordered, flat, right=True)
    return (below + upTo - flat.shape[1]).reshape(values.shape)


# Pictures that are made up


class Thorax:
    """A thorax of ellipsoids, in shares of the field of view: x to the viewer's right, y down, z to the back."""

    def __init__(self, r):
        u = r.uniform
        width, depth = u(0.62, 0.85), u(0.38, 0.6)
        lung, top = u(0.20, 0.27), u(-0.45, -0.3)
        parts = [((0, 0.35, 0), (width, 1.5, depth), 1.0)]  # trunk
        parts += [((0, -1.05, 0.05), (0.22, 0.4, 0.2), 0.9)]  # neck
        for s in (-1, 1):
            height = u(0.5, 0.62)
            parts += [((s * u(0.34, 0.40), top + height * 0.6, 0.02), (lung, height, depth * u(0.68, 0.85)), -u(0.6, 0.95))]
            parts += [((s * u(0.28, 0.36), top + height * 1.45, 0), (0.33, u(0.25, 0.35), depth * 0.75), u(0.5, 0.8))]
            parts += [((s * u(0.6, 0.8), u(-0.85, -0.65), 0.1), (0.25, 0.22, 0.2), 0.9)]  # shoulder
            if r.random() < 0.4:
                parts += [((s * u(0.25, 0.4), u(0.15, 0.4), -depth), (0.25, 0.22, 0.15), u(0.3, 0.8))]  # breast
        parts += [((u(0.03, 0.12), top + 0.75, -0.12), (u(0.16, 0.26), u(0.2, 0.3), 0.2), u(0.6, 0.9))]  # heart
        parts += [((0, top + 0.3, -0.02), (u(0.07, 0.12), 0.45, 0.16), u(0.5, 0.9))]  # mediastinum
        parts += [((0, u(-0.75, -0.6), 0), (0.05, 0.35, 0.05), -0.8)]  # trachea
        curve, spine = u(0.0, 0.12), depth * u(0.62, 0.8)
        for k in range(17):
            y = -1.1 + k * 0.14
            parts += [((0, y, spine - curve * y * y), (0.075, 0.055, 0.075), u(1.6, 2.4))]
            parts += [((0, y, spine - curve * y * y + 0.13), (0.03, 0.05, 0.07), 1.2)]
        parts += [((0, u(-0.35, -0.2), -depth * 0.92), (0.05, 0.3, 0.025), 1.5)]  # sternum
        if r.random() < 0.5:  # arms raised beside the head, or hanging
            for s in (-1, 1):
                parts += [((s * u(0.35, 0.5), -1.0, u(-0.6, -0.2)), (0.12, 0.35, 0.14), 1.0)]
        self.parts, self.ribs = parts, (u(0.13, 0.19), u(0.02, 0.12), u(0.1, 0.6), depth, width)

    def projection(self, angle, size=64):
        """Parallel projection after a turn by `angle` about the long axis; 0 is frontal. 0 … 1, dense is bright."""
        c, s = np.cos(angle), np.sin(angle)
        v, w = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
        total = np.zeros((size, size))
        for (x, y, z), (a, b, d), density in self.parts:
            across = x * c + z * s
            reach = np.hypot(a * c, d * s)
            inside = 1 - ((w - across) / reach) ** 2 - ((v - y) / b) ** 2
            total += density * 2 * (a * d / reach) * np.sqrt(np.maximum(inside, 0))
        spacing, contrast, tilt, depth, width = self.ribs
        reach = np.hypot(width * c, depth * s)
        wall = np.clip(1 - (w / reach) ** 2, 0, 1)
        for direction in (-1, 1):  # near and far half of the cage
            bars = 0.5 + 0.5 * np.cos(2 * np.pi * (v + direction * tilt * (w * s + wall * 0.4)) / spacing)
            total += contrast * bars * (wall > 0) / np.sqrt(wall + 0.15) * (np.abs(v + 0.05) < 0.65)
        total = np.maximum(total, 0)
        return total / total.max()


def shapes(r, size=64):
    """Limbs, skulls, breasts, hands and plain geometry: sums of random ellipses and capsules."""
    v, w = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    u = r.uniform
    picture = np.full((size, size), u(0, 0.2))
    kind = r.integers(6)

    def capsule(x0, y0, x1, y1, r0, r1, density, hollow=0.0):
        dx, dy = x1 - x0, y1 - y0
        t = np.clip(((w - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
        q = np.hypot(w - x0 - t * dx, v - y0 - t * dy) / (r0 + (r1 - r0) * t)
        return density * (np.sqrt(np.maximum(1 - q * q, 0)) - hollow * np.sqrt(np.maximum(1 - (q / 0.6) ** 2, 0)))

    def ellipse(x, y, a, b, turn, density, hollow=0.0, inner=0.85):
        c, s = np.cos(turn), np.sin(turn)
        q = (((w - x) * c + (v - y) * s) / a) ** 2 + ((-(w - x) * s + (v - y) * c) / b) ** 2
        return density * (np.sqrt(np.maximum(1 - q, 0)) - hollow * np.sqrt(np.maximum(1 - q / inner**2, 0)))

    if kind == 0:  # limb: soft tissue about one or two bones
        lean, x = u(-0.5, 0.5), u(-0.4, 0.4)
        picture += capsule(x - lean, -1.4, x + lean, 1.4, u(0.25, 0.6), u(0.2, 0.6), u(0.4, 0.8))
        for offset in ([0.0] if r.random() < 0.4 else [-0.12, 0.14]):
            picture += capsule(x - lean + offset, -1.4, x + lean + offset, u(0.4, 1.4), u(0.06, 0.14), u(0.06, 0.14), 0.9, u(0, 0.6))
    elif kind == 1:  # skull or teeth: a ring with contents
        picture += ellipse(u(-.2, .2), u(-.2, .2), u(0.55, 0.9), u(0.6, 0.95), u(-1, 1), u(0.8, 1.5), u(0.5, 0.9), u(0.85, 0.95))
        for _ in range(r.integers(2, 9)):
            picture += ellipse(u(-.5, .5), u(-.5, .5), u(.05, .3), u(.05, .3), u(0, 3), u(-0.3, 0.5))
    elif kind == 2:  # breast: half an ellipse on one side
        picture += ellipse(r.choice([-1, 1]) * u(0.9, 1.1), u(-.3, .3), u(0.6, 1.4), u(0.5, 1.0), u(-.3, .3), u(0.5, 1))
        for _ in range(r.integers(0, 9)):
            picture += ellipse(u(-1, 1), u(-.6, .6), u(.05, .3), u(.05, .3), u(0, 3), u(0, 0.3)) * (picture > 0.3)
    elif kind == 3:  # hand or foot
        x, y = u(-.2, .2), u(0.2, 0.6)
        picture += ellipse(x, y, u(.25, .45), u(.3, .5), u(-.5, .5), 0.7)
        for k in range(5):
            turn = (k - 2) * u(0.15, 0.35) - np.pi / 2
            reach = u(0.8, 1.4)
            end = (x + reach * np.cos(turn), y + reach * np.sin(turn))
            picture += capsule(x, y, *end, 0.12, 0.09, 0.5) + capsule(x, y, *end, 0.05, 0.04, 0.7)
    elif kind == 4:  # trunk without lungs: abdomen, pelvis, spine
        picture += ellipse(0, 0, u(.7, 1.2), u(1, 1.8), 0, u(.5, .9))
        picture += capsule(u(-.1, .1), -1.2, u(-.1, .1), 1.2, u(.08, .14), u(.08, .16), u(.2, .6))
        if r.random() < 0.6:
            for s in (-1, 1):
                picture += ellipse(s * u(.4, .6), u(.3, .7), u(.2, .4), u(.25, .45), s * u(.2, .8), u(.4, .8), u(0, .8))
        for _ in range(r.integers(2, 12)):
            picture += ellipse(u(-.6, .6), u(-.8, .6), u(.05, .25), u(.05, .2), u(0, 3), -u(.05, .35))
    else:  # anything
        for _ in range(r.integers(1, 14)):
            picture += ellipse(u(-1, 1), u(-1, 1), u(.05, .9), u(.05, .9), u(0, 3), u(-0.6, 1.0), u(0, 0.9), u(0.4, 0.95))
    return np.clip(picture, 0, None) / max(picture.max(), 1e-6)


def noise(r, size=64):
    """Noise of one or several scales, gradients, bars and checks."""
    v, w = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    picture = np.zeros((size, size))
    for cell in r.choice([2, 4, 8, 16, 32, 64], r.integers(1, 4), replace=False):
        coarse = Image.fromarray(r.random((cell, cell)).astype(np.float32))
        picture += r.uniform(0.2, 1) * np.asarray(coarse.resize((size, size), Image.BICUBIC if r.random() < 0.7 else Image.NEAREST))
    if r.random() < 0.3:
        picture += r.uniform(0.5, 3) * (w * r.normal() + v * r.normal())
    if r.random() < 0.2:
        picture = np.sign(np.sin(r.uniform(2, 30) * (w if r.random() < 0.5 else v) + r.uniform(0, 6))) + 0.1 * picture
    if r.random() < 0.2:
        picture *= np.hypot(w, v) < r.uniform(0.5, 1)
    picture -= picture.min()
    return picture / max(picture.max(), 1e-6)


def photographs():
    import skimage

    folder = pathlib.Path(skimage.__file__).parent / "data"
    paths = [path for name in PHOTOGRAPHS for path in folder.glob(name + ".*")]
    return [Image.open(path).convert("L").resize((256, 256), Image.BOX) for path in paths]


# Views


class Views:
    """Draws training pictures: (batch, 32, 32) integers in −1023 … 1023 and their classes."""

    SHARES = [0.34, 0.09, 0.11, 0.09, 0.37]

    def __init__(self, radiographs, synthetic, seed):
        self.random = np.random.default_rng(seed)
        r = self.random
        stack = lambda pictures: torch.from_numpy(np.stack(pictures).astype(np.float32))[:, None]
        enlarge = lambda p: F.interpolate(p, size=(BASE, BASE), mode="bilinear", align_corners=False)
        self.real, self.synthetic = radiographs, synthetic
        thoraces = [Thorax(r) for _ in range(1000)]
        self.frontalThoraces = enlarge(stack([t.projection(r.uniform(-0.17, 0.17)) for t in thoraces[:300]]))
        self.allChests = torch.cat([self.real, self.frontalThoraces, self.synthetic])
        self.lateralThoraces = enlarge(stack([
            t.projection(r.choice([-1, 1]) * np.pi / 2 + r.uniform(-0.45, 0.45)) for t in thoraces for _ in range(3)]))
        self.shapes = enlarge(stack([shapes(r) for _ in range(2500)]))
        self.noise = enlarge(stack([noise(r) for _ in range(600)]))
        crops = []
        for photograph in photographs():
            for _ in range(50):
                side = int(r.integers(60, 257))
                x, y = r.integers(0, 257 - side, 2)
                crops.append(np.asarray(photograph.crop((x, y, x + side, y + side)).resize((BASE, BASE), Image.BILINEAR)) / 255)
        self.photographs = stack(crops)

    def choose(self, source, count):
        return source[torch.from_numpy(self.random.integers(0, len(source), count))]

    def chests(self, count):
        kinds = self.random.choice(3, count, p=[0.86, 0.06, 0.08])
        sizes = np.array([len(self.real), len(self.frontalThoraces), len(self.synthetic)])
        first = np.cumsum(sizes) - sizes
        return self.allChests[torch.from_numpy(first[kinds] + (self.random.random(count) * sizes[kinds]).astype(np.int64))]

    def affine(self, pictures, sx, sy, tx, ty, turn, mirrored):
        """Samples 64 × 64 views: output (u, v) in −1 … 1 shows the picture at turn · (sx u, sy v) + (tx, ty)."""
        count = len(pictures)
        f = lambda x: torch.from_numpy(np.broadcast_to(np.asarray(x, np.float32), (count,)).copy())
        sx, sy, tx, ty, turn = f(sx), f(sy), f(tx), f(ty), f(turn)
        sx = torch.where(torch.from_numpy(np.broadcast_to(mirrored, (count,)).copy()), -sx, sx)
        c, s = torch.cos(turn)[:, None, None], torch.sin(turn)[:, None, None]
        line = (torch.arange(64) + 0.5) / 32 - 1
        u, v = sx[:, None, None] * line, sy[:, None, None] * line[:, None]
        grid = torch.stack([c * u - s * v + tx[:, None, None], s * u + c * v + ty[:, None, None]], 3)
        views = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
        # Beyond the picture: its edge drawn out, or black or white.
        fill = torch.from_numpy(self.random.choice([-1, -1, -1, -1, 0, 0, 0.03, 1], count).astype(np.float32))[:, None, None, None]
        return torch.where((grid.abs().amax(3)[:, None] > 1) & (fill >= 0), fill, views)

    def upright(self, pictures, quarter=0.0):
        u, n = self.random.uniform, len(pictures)
        scale = u(0.8, 1.25, n)
        aspect = np.exp(u(-0.14, 0.14, n))
        return self.affine(
            pictures, scale * aspect, scale / aspect, u(-0.13, 0.13, n), u(-0.13, 0.13, n), quarter + u(-0.14, 0.14, n),
            self.random.random(n) < 0.5)

    def diseased(self, pictures):
        """Opacities over a quarter of the pictures: lungs that are white in part, on one side or both."""
        r = self.random
        line = torch.linspace(-1, 1, pictures.shape[2])
        pictures = pictures.clone()
        for i in np.flatnonzero(r.random(len(pictures)) < 0.25):
            for _ in range(r.integers(1, 4)):
                x, y, a, b = r.uniform(-0.6, 0.6), r.uniform(-0.4, 0.5), r.uniform(0.15, 0.5), r.uniform(0.15, 0.6)
                blob = torch.exp(-(((line - x) / a) ** 2)[None, :] - (((line - y) / b) ** 2)[:, None])
                share = r.uniform(0.2, 0.9) * blob
                pictures[i, 0] = pictures[i, 0] * (1 - share) + r.uniform(0.6, 0.95) * pictures[i].max() * share
        return pictures

    def parts(self, pictures):
        """What a cassette shows that missed the chest, or showed a part of it; and chests taken apart."""
        u, n = self.random.uniform, len(pictures)
        side = self.random.choice([-1.0, 1.0], n)
        kind = self.random.integers(0, 7, n)
        pick = lambda *options: np.choose(kind, options)
        ones = np.ones(n)
        sx = pick(u(.2, .45, n), u(.32, .5, n), u(.6, 1.1, n), u(.5, 1.1, n), u(.9, 1.1, n), u(.9, 1.1, n), ones)
        sy = pick(u(.2, .45, n), u(.7, 1.1, n), u(.28, .42, n), u(.22, .36, n), u(.9, 1.1, n), u(.9, 1.1, n), ones)
        tx = pick(u(-.6, .6, n), side * u(.45, .62, n), u(-.2, .2, n), u(-.2, .2, n), side * u(.75, 1.1, n), u(-.2, .2, n), 0 * ones)
        ty = pick(u(-.6, .6, n), u(-.15, .15, n), u(.62, .85, n), -u(.68, .95, n), u(-.2, .2, n), side * u(.85, 1.2, n), 0 * ones)
        views = self.affine(pictures, sx, sy, tx, ty, u(-0.14, 0.14, n), self.random.random(n) < 0.5)
        for i in np.flatnonzero(kind == 6):
            blocks = int(self.random.choice([2, 4, 8]))
            step = 64 // blocks
            if self.random.random() < 0.4:  # rolled by half
                axes = [(32, 0), (0, 32), (32, 32)][self.random.integers(3)]
                views[i, 0] = torch.roll(views[i, 0], axes, (0, 1))
                continue
            order = self.random.permutation(blocks * blocks)
            pieces = views[i, 0].reshape(blocks, step, blocks, step).permute(0, 2, 1, 3).reshape(-1, step, step)[order]
            views[i, 0] = pieces.reshape(blocks, blocks, step, step).permute(0, 2, 1, 3).reshape(64, 64)
        return views

    def anyhow(self, pictures):
        u, n = self.random.uniform, len(pictures)
        scale = u(0.6, 1.3, n)
        aspect = np.exp(u(-0.3, 0.3, n))
        turn = self.random.integers(0, 4, n) * np.pi / 2 + u(-0.3, 0.3, n)
        views = self.affine(
            pictures, scale * aspect, scale / aspect, u(-.3, .3, n), u(-.3, .3, n), turn, self.random.random(n) < 0.5)
        return torch.where(torch.from_numpy(self.random.random(n) < 0.25)[:, None, None, None], 1 - views, views)

    def laterals(self, count):
        u = self.random.uniform
        return self.affine(
            self.choose(self.lateralThoraces, count), u(0.5, 1.05, count), u(0.7, 1.15, count), u(-.2, .2, count),
            u(-.3, .25, count), u(-.25, .25, count), self.random.random(count) < 0.5)

    def spoil(self, views):
        """Uneven exposure, noise, markers, and the borders of collimation."""
        n = len(views)
        r = self.random
        coarse = torch.from_numpy(r.normal(size=(n, 1, 3, 3)).astype(np.float32))
        amount = torch.from_numpy((r.uniform(0, 0.10, n) * (r.random(n) < 0.7)).astype(np.float32))[:, None, None, None]
        views = views + amount * F.interpolate(coarse, size=(64, 64), mode="bilinear", align_corners=True)
        grain = torch.from_numpy(r.uniform(0, 0.06, n).astype(np.float32))[:, None, None, None]
        views = views + grain * torch.randn(views.shape)
        for i in np.flatnonzero(r.random(n) < 0.5):
            if r.random() < 0.5:  # markers
                for _ in range(r.integers(1, 4)):
                    h, w = r.integers(2, 10, 2)
                    y, x = r.integers(0, 64 - h), r.integers(0, 64 - w)
                    views[i, 0, y : y + h, x : x + w] = float(r.choice([0, 1]))
            else:  # borders
                level = float(r.choice([0, 0, 1]))
                a, b, c, d = (r.integers(0, 9, 4) * (r.random(4) < 0.6)).tolist()
                views[i, 0, :a], views[i, 0, 64 - b :] = level, level
                views[i, 0, :, :c], views[i, 0, :, 64 - d :] = level, level
        return views

    def batch(self, size):
        r = self.random
        some = lambda total, shares: np.maximum(r.multinomial(total, shares), 1)
        counts = some(size, self.SHARES)
        sideways = r.choice([0.5, 1.5], counts[ROTATED]) * np.pi + (r.random(counts[ROTATED]) < 0.15) * r.uniform(-0.75, 0.75, counts[ROTATED])
        orientation = r.choice(4, counts[INVERTED], p=[0.7, 0.1, 0.1, 0.1]) * np.pi / 2
        kinds = some(counts[OTHER], [0.42, 0.26, 0.21, 0.07, 0.04])
        counts[OTHER] = kinds.sum()
        pictures = [
            self.upright(self.diseased(self.chests(counts[FRONTAL]))),
            self.upright(self.chests(counts[UPSIDE_DOWN]), np.pi),
            self.upright(self.chests(counts[ROTATED]), sideways),
            self.upright(1 - self.chests(counts[INVERTED]), orientation),
            self.parts(self.chests(kinds[0])), self.laterals(kinds[1]), self.anyhow(self.choose(self.shapes, kinds[2])),
            self.anyhow(self.choose(self.photographs, kinds[3])), self.anyhow(self.choose(self.noise, kinds[4])),
        ]
        classes = torch.from_numpy(np.repeat(np.arange(5), counts))
        views = F.avg_pool2d(self.spoil(torch.cat(pictures)), 2)[:, 0]
        return ranks(views), classes


# The network


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False) for a, b in zip(CHANNELS, CHANNELS[1:]))
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(b) for b in CHANNELS[1:])
        self.hidden = torch.nn.Linear(CHANNELS[-1] * 16, HIDDEN)
        self.output = torch.nn.Linear(HIDDEN, len(CLASSES))

    def forward(self, x):
        ceiling = CEILING / (1 << FRACTION)
        for convolution, norm in zip(self.convolutions, self.norms):
            x = norm(convolution(x)).clamp(0, ceiling)
        x = F.dropout(x.flatten(1), 0.2, self.training)
        return self.output(self.hidden(x).clamp(0, ceiling))

    def layers(self):
        """(weights, bias) of each layer, batch normalisation folded in."""
        for convolution, norm in zip(self.convolutions, self.norms):
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            yield convolution.weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain
        for linear in (self.hidden, self.output):
            yield linear.weight, linear.bias


class IntegerNetwork:
    """The network in integers, as FrontalCheck computes it.

    A layer's sum of weight × activation, in 8 and 15 bits, is multiplied by its channel's multiplier, shifted right by
    24 bits (arithmetically), and added to the bias; activations are cut to 0 … CEILING, logits are not.
    """

    TABLES = ["weights", "multipliers", "biases"]

    def __init__(self, network):
        self.weights, self.multipliers, self.biases = [], [], []
        fraction = 10  # of the input
        with torch.no_grad():
            for weights, bias in network.layers():
                weights, bias = weights.double().numpy(), bias.double().numpy()
                scale = np.abs(weights).reshape(len(weights), -1).max(1) / 127
                self.weights.append(np.rint(weights / scale.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int64))
                self.multipliers.append(np.rint(scale * 2.0 ** (FRACTION - fraction + 24)).astype(np.int64))
                self.biases.append(np.rint(bias * 2.0**FRACTION).astype(np.int64))
                fraction = FRACTION

    def logits(self, inputs):
        """(count, 5) integers, in 1/2048."""
        x = np.asarray(inputs, np.int64)[:, None]
        for layer, (weights, multiplier, bias) in enumerate(zip(self.weights, self.multipliers, self.biases)):
            if weights.ndim == 4:
                side = x.shape[2] // 2
                padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
                taps = np.stack([
                    padded[:, :, i : i + 2 * side : 2, j : j + 2 * side : 2] for i in range(3) for j in range(3)], 2)
                sums = np.einsum("ncthw,oct->nohw", taps, weights.reshape(*weights.shape[:2], 9))
                x = (sums * multiplier[:, None, None] >> 24) + bias[:, None, None]
            else:
                x = (x.reshape(len(x), -1) @ weights.T * multiplier >> 24) + bias
            assert np.abs(x).max() < 1 << 31
            if layer < 4:
                x = np.clip(x, 0, CEILING)
        return x


def train(views, steps, seed, report=500):
    torch.manual_seed(seed)
    network = Network()
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.1)
    total = 0.0
    for step in range(1, steps + 1):
        inputs, classes = views.batch(256)
        loss = F.cross_entropy(network(inputs[:, None].float() / 1024), classes, label_smoothing=0.01)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        total += loss.item()
        if step % report == 0:
            print(f"step {step}: loss {total / report:.4f}", flush=True)
            total = 0.0
    return IntegerNetwork(average.module.eval())


# Data in, tables out


def read(corpus):
    with open(corpus / "manifest.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["source"].startswith("NIH")]
    return [(int(row["fold"]), np.asarray(Image.open(corpus / "images" / row["file"]).convert("L"))) for row in rows]


def base(pictures):
    small = [np.asarray(Image.fromarray(p).resize((BASE, BASE), Image.BOX), np.float32) / 255 for p in pictures]
    return torch.from_numpy(np.stack(small))[:, None]


def inputs(pictures):
    return ranks(torch.from_numpy(np.stack([cells(p) for p in pictures]))).numpy()


def turned(picture):
    """Ways to show a frontal radiograph, by the class they belong to."""
    height, width = picture.shape
    return {
        FRONTAL: [picture, picture[:, ::-1]],
        UPSIDE_DOWN: [picture[::-1, ::-1], picture[::-1]],
        ROTATED: [np.rot90(picture), np.rot90(picture, 3)],
        INVERTED: [255 - picture],
        OTHER: [
            picture[:, : width // 2], picture[:, width // 2 :], picture[height * 2 // 3 :],
            picture[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3],
        ],
    }


def report(network, pictures, name):
    """Prints how margins (the logit of frontal less the next) fall for each way of showing `pictures`."""
    for index, label in enumerate(CLASSES):
        views = [np.ascontiguousarray(view) for picture in pictures for view in turned(picture)[index]]
        logits = network.logits(inputs(views))
        margins = (logits[:, 0] - logits[:, 1:].max(1)) / 2.0**FRACTION
        quantiles = np.quantile(margins, [0, 0.005, 0.01, 0.05, 0.5, 0.95, 0.99, 0.995, 1]).round(1)
        right = (logits.argmax(1) == index).mean()
        print(f"{name}, {label}: {len(margins)} pictures, {right:.4f} named so; margins {quantiles.tolist()}")


def swift(network, version):
    blob = b"".join(w.astype(np.int8).tobytes() for w in network.weights)
    text = base64.b64encode(blob).decode()
    lines = "\n".join("        " + text[i : i + 112] for i in range(0, len(text), 112))

    def table(values):
        rows, row = [], ""
        for value in np.concatenate(values).tolist():
            if len(row) + len(str(value)) > 104:
                rows.append(row.rstrip())
                row = ""
            row += f"{value}, "
        return "\n".join("        " + row for row in rows + [row.rstrip()])

    return f"""// Written by models/tools/train_frontal_check.py; not to be edited. {len(blob)} weights.

extension FrontalCheck {{
    /// The name of these weights, which verdicts carry: it changes whenever they do.
    public static let version = "{version}"

    /// The factor of each channel's sum in 1/2^24, layer by layer.
    static let multipliers: [Int32] = [
{table(network.multipliers)}
    ]

    /// What is added to each channel, in 1/2^{FRACTION}.
    static let biases: [Int32] = [
{table(network.biases)}
    ]

    /// The weights as signed bytes in base64: each layer's by output, input, row and column.
    static let weights: StaticString = \"\"\"
{lines}
        \"\"\"
}}
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--synthetic", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, default="Sources/Imaging/FrontalCheckWeights.swift")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--report", type=int, default=3)
    options = parser.parse_args()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    radiographs = read(options.corpus)
    paths = sorted(options.synthetic.glob("*.png"))
    synthetic = [np.asarray(Image.open(path).convert("L")) for path in paths]
    learned = [p for fold, p in radiographs if fold in options.folds]
    print(f"{len(learned)} radiographs, {len(synthetic)} synthetic ones", flush=True)
    network = train(Views(base(learned), base(synthetic), options.seed), options.steps, options.seed)
    digest = hashlib.sha256(b"".join(
        table.astype("<i8").tobytes() for name in IntegerNetwork.TABLES for table in getattr(network, name)))
    options.output.write_text(swift(network, f"frontal-check-1-{digest.hexdigest()[:8]}"))
    report(network, [p for fold, p in radiographs if fold == options.report], f"fold {options.report}")


if __name__ == "__main__":
    main()
