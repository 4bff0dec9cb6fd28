#!/usr/bin/env python3
"""A scoring service as one would write it in Python, beside Longview's: what bench_queue.py compares it with.

python queue_service.py --package DIR --onnx MODEL.onnx --database DSN --folder DIR --port P [--threads N]

Three parts, each where Python runs it best:
- pynetdicom's storage SCP. A C-STORE is answered with Success when its file is written and synced and its row
  committed.
- A worker process that polls the table (FOR UPDATE SKIP LOCKED), gives the network (ONNX Runtime) what is ready, four
  radiographs at most in one run, while processes decode the next ones; and commits one record a radiograph.
- Decoder processes, one a core: pydicom with its plug-ins, then rendering and views of the package's profile (NumPy and
  Pillow, docs/rendering.md), which give Longview's scores to 1e-3.

It has no gate, no ledger, no confinement of decoders and keeps no picture. Prints "ready" when it can be sent to. Needs
pynetdicom, pydicom, pylibjpeg with its plug-ins, numpy, pillow, onnxruntime, psycopg[binary,pool].
"""
import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import signal
import threading
import time

import numpy as np
import psycopg
import psycopg_pool
import pydicom
from pydicom.pixels import apply_modality_lut, pixel_array
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification

import rendering

SCHEMA = """
CREATE TABLE IF NOT EXISTS intakes (
    id bigserial PRIMARY KEY,
    sop_instance_uid text NOT NULL UNIQUE,
    path text NOT NULL,
    calling_ae text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'working', 'done', 'failed')),
    error text,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS intakes_waiting ON intakes (id) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS scores (
    intake_id bigint PRIMARY KEY REFERENCES intakes (id),
    sop_instance_uid text NOT NULL,
    patient_id text,
    study_instance_uid text,
    model text NOT NULL,
    view_risks double precision[] NOT NULL,
    risk double precision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
UPDATE intakes SET state = 'waiting' WHERE state = 'working';
"""
LARGEST_BATCH = 4
IN_HAND = 12
POLL = 0.05  # seconds


# MARK: From a file to the views of the profile


def render(path, shorter_side):
    """The 8-bit picture as the profile renders it, and what the record says of the object."""
    dataset = pydicom.dcmread(path)
    pixels = apply_modality_lut(pixel_array(dataset, raw=True, index=0), dataset)
    shape = dataset.get("PresentationLUTShape")
    if shape == "INVERSE" or not shape and dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = pixels.max() - pixels
    return np.asarray(rendering.render(pixels, shorter_side)), (
        dataset.get("PatientID"), dataset.get("StudyInstanceUID"))


def reduced(plane, scale):
    """Averages over windows that cover the plane, as PyTorch's area interpolation."""
    for _ in range(2):  # rows, then columns: each time transposed
        count = len(plane)
        target = int(count * scale)
        i = np.arange(target)
        start, end = i * count // target, -(-(i + 1) * count // target)
        sums = np.concatenate([np.zeros_like(plane[:1]), plane.cumsum(axis=0)])
        plane = ((sums[end] - sums[start]) / (end - start)[:, None]).T
    return plane


def taps(count, extent, scale, focus):
    """Where the grid's rows or columns fall between the plane's, reflected at the edges."""
    grid = np.linspace(-1, 1, count) / scale + (1 - 1 / scale) * (2 * focus - 1)
    position = np.abs((grid + 1) * ((extent - 1) / 2))
    position = np.where(position > extent - 1, np.maximum(2 * (extent - 1) - position, 0), position)
    first = position.astype(int)
    return first, np.minimum(first + 1, extent - 1), position - first


def views(picture, size, corner_scale):
    """The centre view and the eight corner views, (9, size, size), 0 to 1."""
    full = picture.astype(np.float64) / 255
    ratio = min(full.shape) / size
    rows, columns = round(full.shape[0] / ratio), round(full.shape[1] / ratio)
    shrink = min(full.shape[0] / rows, full.shape[1] / columns) / 2
    small = reduced(full, 1 / shrink) if shrink > 1 else None
    result = []
    for corner in range(-1, 8):
        scale, x, y, mirrored = (1, 0.5, 0.5, False) if corner < 0 else \
            (corner_scale, corner >> 1 & 1, corner & 1, bool(corner & 4))
        plane = full if small is None or shrink <= scale else small
        left, right, east = taps(columns, plane.shape[1], scale, x)
        upper, lower, south = taps(rows, plane.shape[0], scale, y)
        across = slice(int((columns - size + 1) * min(x, 1 - 1e-7)), None)
        down = slice(int((rows - size + 1) * min(y, 1 - 1e-7)), None)
        if mirrored:
            left, right, east = left[::-1], right[::-1], east[::-1]
        left, right, east = (a[across][:size] for a in (left, right, east))
        upper, lower, south = (a[down][:size] for a in (upper, lower, south))
        lines = plane[upper] * (1 - south)[:, None] + plane[lower] * south[:, None]
        result.append(lines[:, left] * (1 - east) + lines[:, right] * east)
    return np.stack(result).astype(np.float32)


def prepare(path, profile):
    """What a decoder process does with a file: the network's input of one radiograph, grey."""
    picture, about = render(path, profile["rendered_shorter_side"])
    return views(picture, profile["size"], profile["corner_view_scale"]), about


def read_profile(package):
    description = json.loads((package / "model.json").read_text())
    published = {"rendered_shorter_side": 512, "size": 224, "mean": [0.485, 0.456, 0.406],
                 "std": [0.229, 0.224, 0.225], "center_view_weight": 0.4, "corner_view_scale": 1.05}
    return description, published | description["profile"]


# MARK: Receiver


class Receiver:
    def __init__(self, folder, pool):
        self.folder = folder
        self.pool = pool

    def store(self, event):
        """Success is for what a power cut would not lose."""
        request = event.request
        uid = str(request.AffectedSOPInstanceUID)
        path = self.folder / f"{uid}.dcm"
        try:
            with open(path, "wb") as file:
                file.write(event.encoded_dataset())
                file.flush()
                os.fsync(file.fileno())
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            with self.pool.connection() as connection:
                connection.execute(
                    "INSERT INTO intakes (sop_instance_uid, path, calling_ae) VALUES (%s, %s, %s)"
                    " ON CONFLICT (sop_instance_uid) DO NOTHING",
                    (uid, str(path), event.assoc.requestor.ae_title))
        except (OSError, psycopg.Error):
            return 0xA700
        return 0x0000


def receive(folder, database, port):
    pool = psycopg_pool.ConnectionPool(database, min_size=4, max_size=10, open=True)
    pool.wait()
    entity = AE(ae_title="PEER")
    entity.maximum_pdu_size = 0  # no limit: the fewest pieces
    entity.maximum_associations = 25
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
    entity.add_supported_context(Verification)
    return entity.start_server(("127.0.0.1", port), block=False,
                               evt_handlers=[(evt.EVT_C_STORE, Receiver(folder, pool).store)])


# MARK: Worker


class Network:
    """The package's network in ONNX Runtime, from grey views to the risk of each."""

    def __init__(self, onnx, package, threads):
        import onnxruntime  # which the receiver has no use for
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # The cores are the decoders' and the receiver's, too: a fifth faster on two.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.description, self.profile = read_profile(package)
        self.mean = np.array(self.profile["mean"], np.float32)[:, None, None]
        self.deviation = np.array(self.profile["std"], np.float32)[:, None, None]
        # The first run of a size plans its memory.
        for radiographs in range(1, LARGEST_BATCH + 1):
            self.seconds(radiographs)

    def logits(self, x):
        return self.session.run(None, {self.input: x})[0].astype(np.float64)

    def risks(self, grey):
        logits = self.logits((grey[:, None] - self.mean) / self.deviation)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers[:, self.description["output"]["riskClass"]] / powers.sum(axis=1)

    def seconds(self, radiographs):
        """What it takes by itself for so many, in the largest batches."""
        size, total = self.profile["size"], 0.0
        for start in range(0, radiographs, LARGEST_BATCH):
            views = 9 * min(LARGEST_BATCH, radiographs - start)
            x = np.random.default_rng(1).random((views, 3, size, size), dtype=np.float32) * 4 - 2
            began = time.perf_counter()
            self.logits(x)
            total += time.perf_counter() - began
        return total


class Worker:
    """Claims, has decoded, scores and records, until the process ends."""

    def __init__(self, a, ready):
        self.network = Network(a.onnx, a.package, a.threads)
        self.profile = self.network.profile
        self.weights = np.array([self.profile["center_view_weight"]]
                                + [(1 - self.profile["center_view_weight"]) / 8] * 8)
        self.decoders = concurrent.futures.ProcessPoolExecutor(
            os.cpu_count(), mp_context=multiprocessing.get_context("spawn"))
        self.recorders = concurrent.futures.ThreadPoolExecutor(2)
        self.pool = psycopg_pool.ConnectionPool(a.database, min_size=3, max_size=4, open=True)
        self.changed = threading.Condition()
        self.done = collections.deque()
        self.in_hand = 0
        # Started before there is anything to decode.
        list(self.decoders.map(time.sleep, [0.05] * (2 * os.cpu_count())))
        ready.set()

    def run(self):
        threading.Thread(target=self.claim_forever, daemon=True).start()
        while True:
            with self.changed:
                while not self.done:
                    self.changed.wait()
                batch = [self.done.popleft() for _ in range(min(LARGEST_BATCH, len(self.done)))]
            risks = self.network.risks(np.concatenate([grey for _, (grey, _) in batch])).reshape(len(batch), -1)
            for (job, (_, about)), view_risks in zip(batch, risks):
                self.recorders.submit(self.record, job, about, view_risks)

    def claim_forever(self):
        while True:
            with self.changed:
                room = IN_HAND - self.in_hand
            jobs = self.claim(room) if room * 2 >= IN_HAND else []
            with self.changed:
                self.in_hand += len(jobs)
            for job in jobs:
                self.decoders.submit(prepare, job[2], self.profile).add_done_callback(
                    lambda future, job=job: self.decoded(job, future))
            if not jobs:
                with self.changed:
                    self.changed.wait(POLL)

    def claim(self, room):
        with self.pool.connection() as connection:
            return connection.execute(
                "UPDATE intakes SET state = 'working' WHERE id IN"
                " (SELECT id FROM intakes WHERE state = 'waiting' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)"
                " RETURNING id, sop_instance_uid, path", (room,)).fetchall()

    def decoded(self, job, future):
        if error := future.exception():
            self.recorders.submit(self.fail, job, error)
            return
        with self.changed:
            self.done.append((job, future.result()))
            self.changed.notify_all()

    def record(self, job, about, view_risks):
        model = "{name}@{version}".format_map(self.network.description)
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO scores (intake_id, sop_instance_uid, patient_id, study_instance_uid, model, view_risks,"
                " risk) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (job[0], job[1], *about, model, view_risks.tolist(), float(view_risks @ self.weights)))
            connection.execute("UPDATE intakes SET state = 'done' WHERE id = %s", (job[0],))
        self.settle()

    def fail(self, job, error):
        with self.pool.connection() as connection:
            connection.execute("UPDATE intakes SET state = 'failed', error = %s WHERE id = %s", (repr(error), job[0]))
        self.settle()

    def settle(self):
        with self.changed:
            self.in_hand -= 1
            self.changed.notify_all()


def work(a, ready):
    Worker(a, ready).run()


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--package", type=pathlib.Path, required=True)
    a.add_argument("--onnx", type=pathlib.Path, required=True)
    a.add_argument("--database", required=True)
    a.add_argument("--folder", type=pathlib.Path, required=True)
    a.add_argument("--port", type=int, required=True)
    a.add_argument("--threads", type=int, default=os.cpu_count())
    a = a.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(a.database) as connection:
        connection.execute(SCHEMA)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    worker = context.Process(target=work, args=(a, ready))
    worker.start()
    while not ready.wait(0.1):
        if not worker.is_alive():
            raise SystemExit("the worker did not start")
    server = receive(a.folder, a.database, a.port)
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()
    worker.kill()


if __name__ == "__main__":
    main()
