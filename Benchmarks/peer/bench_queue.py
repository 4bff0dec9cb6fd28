#!/usr/bin/env python3
"""Radiographs from C-STORE to committed record: Longview beside a Python service (queue_service.py), taking turns.

    python3 -m venv peers && peers/bin/pip install pynetdicom pydicom pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg \\
        numpy pillow onnxruntime 'psycopg[binary,pool]'
    peers/bin/python Benchmarks/peer/bench_queue.py --onnx MODEL.onnx --package DIR --longview PROGRAM FILES…

MODEL.onnx holds the package's weights (export.py). Both services run from the beginning to the end, each idle while the
other has its turn. A round makes radiographs with SOP Instance UIDs of their own, copies of FILES in turn, and both get
the same files, over as many associations, from Longview's own DICOM client (`longview send` for the Python service; its
start is part of that side's time and printed below). The last radiographs of a round are sent one by one. A first round
does not count. Each side has a PostgreSQL of its own with default settings: every commit is synced.

Prints Markdown: medians of the rounds, ratios as medians of the rounds' ratios, and the largest difference of a score.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import psycopg
import pydicom
from pydicom.uid import generate_uid

import queue_service

POLL = 0.05, 0.005  # seconds between looks for records: of a crowd, of a lone radiograph; as Longview's


class Cluster:
    """A PostgreSQL of its own; as the user postgres where this is root, whom it refuses."""

    def __init__(self, folder):
        folder.mkdir(mode=0o755)
        self.programs = pathlib.Path(subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True,
                                                    text=True).stdout.strip())
        self.data, self.user = folder / "data", "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "peer", "-E", "UTF8", "--locale=C")
        self.run("pg_ctl", "-D", self.data, "-w", "-l", folder / "log", "-o",
                 f"-c listen_addresses='' -c unix_socket_directories='{folder}'", "start")
        self.dsn = f"host={folder} user=peer dbname=postgres"
        self.process = int((self.data / "postmaster.pid").read_text().split()[0])

    def run(self, program, *arguments):
        subprocess.run([self.programs / program, *map(str, arguments)], check=True, user=self.user,
                       extra_groups=[] if self.user else None, stdout=subprocess.DEVNULL, cwd="/")

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")


def processor_seconds(root):
    """What a process and all below it have had of all processors, those included that have ended."""
    parents, ticks = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
            ticks[int(entry.name)] = sum(map(int, fields[11:15]))
    total, left = 0, [root]
    while left:
        process = left.pop()
        total += ticks.get(process, 0)
        left += parents.get(process, [])
    return total / os.sysconf("SC_CLK_TCK")


class Python:
    """The Python service, and what Longview's `bench queue` does, for it."""

    def __init__(self, a, folder):
        self.a = a
        self.cluster = Cluster(folder / "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(queue_service.__file__), "--package", a.package, "--onnx", a.onnx,
             "--database", self.cluster.dsn, "--folder", folder / "objects", "--port", str(self.port),
             "--threads", str(a.threads)], stdout=subprocess.PIPE, text=True, start_new_session=True)
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit("the Python service did not start")
        self.database = psycopg.connect(self.cluster.dsn, autocommit=True)
        # The network alone, as the service has it, for its overhead.
        self.alone = queue_service.Network(a.onnx, a.package, a.threads)

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.cluster.stop()

    def send(self, files, answered):
        """`longview send` of files in one association; notes when each was answered."""
        sender = subprocess.Popen(
            [self.a.longview, "send", "--to", f"127.0.0.1:{self.port}", "--aet", "BENCH", "--aec", "PEER", "--json",
             *files], stdout=subprocess.PIPE, text=True)
        for line in sender.stdout:
            result = json.loads(line)
            if result["status"] != "sent":
                raise SystemExit(f"{result['file']} was not accepted by the Python service: {result}")
            answered[result["sop_instance_uid"]] = time.monotonic()
        sender.wait()

    def start_seconds(self):
        """How long a sender takes to start and to have an association."""
        began = time.monotonic()
        subprocess.run([self.a.longview, "send", "--to", f"127.0.0.1:{self.port}", "--aet", "BENCH", "--aec", "PEER"],
                       check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began

    def process_files(self, files, poll):
        """Seconds to the last record, latencies, and the risks by SOP Instance UID."""
        answered, risks, latencies = {}, {}, []
        last = self.database.execute("SELECT coalesce(max(id), 0) FROM intakes").fetchone()[0]
        began = time.monotonic()
        senders = [threading.Thread(target=self.send, args=(files[i::self.a.associations], answered))
                   for i in range(min(self.a.associations, len(files)))]
        for sender in senders:
            sender.start()
        seconds, deadline = 0, began + 120
        while len(risks) < len(files):
            time.sleep(poll)
            rows = self.database.execute(
                "SELECT sop_instance_uid, risk FROM scores WHERE intake_id > %s", (last,)).fetchall()
            now = time.monotonic()
            for uid, risk in rows:
                if uid not in risks and uid in answered:
                    risks[uid], seconds, deadline = risk, now - began, now + 120
                    latencies.append((now - answered[uid]) * 1e3)
            if now > deadline:
                failed = self.database.execute("SELECT path, error FROM intakes WHERE state = 'failed'").fetchall()
                raise SystemExit(f"the Python service has no record of some files: {failed}")
        for sender in senders:
            sender.join()
        return seconds, latencies, risks

    def round(self, folder):
        files = sorted(str(path) for path in folder.iterdir())
        crowd, lone = files[:len(files) - self.a.lone], files[len(files) - self.a.lone:]
        os.sync()
        own = time.process_time()
        network = self.alone.seconds(len(crowd) // 2)
        own = time.process_time() - own
        server, database = processor_seconds(self.process.pid), processor_seconds(self.cluster.process)
        seconds, latencies, risks = self.process_files(crowd, POLL[0])
        server, database = (processor_seconds(self.process.pid) - server,
                            processor_seconds(self.cluster.process) - database)
        own -= time.process_time()
        network += self.alone.seconds(len(crowd) - len(crowd) // 2)
        own += time.process_time()
        alone = [self.process_files([file], POLL[1])[1][0] for file in lone]
        return {"radiographs_per_minute": len(crowd) / seconds * 60, "seconds": seconds, "network_seconds": network,
                "overhead": seconds / network - 1, "latency": np.median(latencies),
                "latency_95": np.quantile(latencies, 0.95), "lone": np.median(alone) if alone else None,
                "network_cpu": own / len(crowd) * 1e3, "server_cpu": server / len(crowd) * 1e3, "database_cpu": database / len(crowd) * 1e3, "risks": risks}


class Longview:
    def __init__(self, a):
        self.process = subprocess.Popen(
            [a.longview, "bench", "queue", "--json", "--risks", "--package", a.package, "--threads", str(a.threads),
             "--lone", str(a.lone), "--associations", str(a.associations), "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def round(self, folder):
        self.process.stdin.write(f"{folder}\n")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("longview bench queue ended")
        answer = json.loads(line)
        latency, lone = answer["latency_ms"], answer.get("lone_ms")
        return answer | {"latency": latency["median"], "latency_95": latency["p95"], "lone": lone and lone["median"],
                         "network_cpu": answer["network_cpu_ms"] / answer["radiographs"],
                         "server_cpu": answer["server_cpu_ms"] / answer["radiographs"],
                         "database_cpu": answer["postgres_cpu_ms"] / answer["radiographs"]}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def make(sources, count, folder):
    """`count` copies of `sources` in turn under SOP Instance UIDs of their own."""
    folder.mkdir()
    for index in range(count):
        dataset = sources[index % len(sources)]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
        dataset.save_as(folder / f"{index:05}.dcm")


ROWS = [
    ("radiographs a minute", "radiographs_per_minute", 0, False),
    ("first C-STORE to last record, s", "seconds", 2, True),
    ("network alone, s", "network_seconds", 2, True),
    ("overhead", "overhead", None, None),
    ("answer to record, median, ms", "latency", 0, True),
    ("answer to record, 95 %, ms", "latency_95", 0, True),
    ("a lone radiograph, answer to record, ms", "lone", 0, True),
    ("processor time of a radiograph: network alone, ms", "network_cpu", 1, True),
    ("processor time of a radiograph: service, ms", "server_cpu", 1, True),
    ("processor time of a radiograph: PostgreSQL, ms", "database_cpu", 1, True),
]


def report(rounds):
    print("| | Longview | Python service | ratio |\n|---|---|---|---|")
    for title, key, decimals, less_is_better in ROWS:
        ours, theirs = ([round[side][key] for round in rounds] for side in ("longview", "python"))
        if None in ours + theirs:
            continue
        mine, peer = statistics.median(ours), statistics.median(theirs)
        if decimals is None:
            print(f"| {title} | {mine * 100:.1f} % | {peer * 100:.1f} % | |")
            continue
        ratio = statistics.median(b / a if less_is_better else a / b for a, b in zip(ours, theirs))
        print(f"| {title} | {mine:.{decimals}f} | {peer:.{decimals}f} | {ratio:.2f} |")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("files", type=pathlib.Path, nargs="+", help="frontal radiographs, or folders of them")
    a.add_argument("--onnx", type=pathlib.Path, required=True)
    a.add_argument("--package", type=pathlib.Path, required=True)
    a.add_argument("--longview", type=pathlib.Path, default=pathlib.Path(".build/release/longview"))
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--count", type=int, default=60, help="radiographs of a round, sent together")
    a.add_argument("--lone", type=int, default=5, help="and sent one by one afterwards")
    a.add_argument("--associations", type=int, default=4)
    a.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    a = a.parse_args()
    a.onnx, a.package, a.longview = a.onnx.resolve(), a.package.resolve(), a.longview.resolve()
    paths = [path for given in a.files for path in (sorted(given.iterdir()) if given.is_dir() else [given])]
    sources = [pydicom.dcmread(path) for path in paths]
    # Whoever ends this ends both services.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit("stopped"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="longview-queue-"))
    folder.chmod(0o755)
    sides = {}
    try:
        sides["longview"] = Longview(a)
        sides["python"] = Python(a, folder)
        rounds, difference = [], 0.0
        for number in range(a.rounds + 1):
            files = folder / f"round-{number}"
            make(sources, a.count + a.lone, files)
            # Each goes first as often as the other.
            order = sorted(sides, reverse=number % 2 == 1)
            results = {name: sides[name].round(files) for name in order}
            shutil.rmtree(files)
            ours, theirs = results["longview"]["risks"], results["python"]["risks"]
            if ours.keys() != theirs.keys():
                raise SystemExit("the two recorded different radiographs")
            difference = max([difference, *(abs(ours[uid] - theirs[uid]) for uid in ours)])
            if number > 0:
                rounds.append(results)
                print(f"round {number}: " + ", ".join(f"{name} {results[name]['seconds']:.2f} s" for name in order),
                      file=sys.stderr)
        report(rounds)
        last = rounds[-1]["longview"]
        start = statistics.median(sides["python"].start_seconds() for _ in range(5))
        print(f"\n{last['model']}, {last['threads']} threads, {last['cpu']}, medians of {a.rounds} rounds of {a.count} "
              f"radiographs over {a.associations} associations and {a.lone} lone ones; largest difference of a score "
              f"{difference:.1e}; a sender's start {start * 1e3:.0f} ms, in the Python service's times")
    finally:
        for side in sides.values():
            side.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
