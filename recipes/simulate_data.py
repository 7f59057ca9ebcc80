"""Rehearsal of training data at size: shards on several machines, one of them slow, and a rank that is killed.

    python recipes/simulate_data.py --out exp/simulation [--utterances 100000] [--shards 1000] [--ranks 4] [--machines 4]

Each machine is a process that serves its shards over HTTP, one at a time; the first takes --slow-s longer for each. The
ranks are processes that read batches of one epoch as training does (ditar/data/examples.py with data.readers), and
sleep for the rest of a step. One of them is killed in the middle; the others end, as a launcher ends them, and fewer
ranks go on from the last checkpoint, which is the number of a step. Nobody asks a clock what to read, and no rank asks
another. Prints and writes OUT/simulation.md: utterances that were lost or trained on twice, and how long steps took.
Fails if there is one.
"""

import argparse
import http.server
import json
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import torch

from ditar.config import DiTARDataConfig
from ditar.config.program import exit_code
from ditar.config.ranges import positive
from ditar.data.batches import DiTARBatches
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics
from ditar.data.synthetic import write_synthetic
from ditar.storage.atomic_write import write_lines
from ditar.text.vocabulary import DEFAULT_SYMBOLS

CHANNELS, SECONDS, LIMIT_S = 4, (0.5, 1.5), 4.0
PATIENCE_S = 300.0  # of ranks with each other


class Disk(http.server.SimpleHTTPRequestHandler):
    """Gives one shard at a time, `slow_s` after it is asked."""

    slow_s, busy = 0.0, threading.Lock()

    def do_GET(self):
        """One shard."""
        with Disk.busy:
            time.sleep(Disk.slow_s)
            super().do_GET()

    def log_message(self, *_):
        """Nothing."""


def serve(folder: Path, slow_s: float, port) -> None:
    """A machine with shards. `port` is told to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all; the program ends its machines
    Disk.slow_s = slow_s
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Disk, directory=folder))
    port.value = server.server_port
    server.serve_forever()


def make_batches(args: argparse.Namespace, urls: list[str] | None = None) -> DiTARBatches:
    """As training makes them."""
    folder = args.out / "latents"
    config = DiTARDataConfig(
        batch_patches=args.batch_patches, max_seconds=LIMIT_S, first_seconds=LIMIT_S, joined_share=0.53,
        readers=args.readers, shards_in_memory=args.shards_in_memory,
    )  # fmt: skip
    return DiTARBatches(LatentStore(folder, *read_statistics(folder), urls), config, 4, DEFAULT_SYMBOLS, seed=0)


def train(args: argparse.Namespace, urls: list[str], attempt: int, first: int, rank: int, ranks: int, barrier) -> None:
    """A rank from step `first` to the end of the epoch. What it read and how long it took goes to OUT/log."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all; the program ends its ranks
    torch.set_num_threads(1)
    batches = make_batches(args, urls)
    steps = len(batches.plan(0, LIMIT_S))
    with open(args.out / "log" / f"{attempt}-{rank}.jsonl", "w", encoding="utf-8") as log:
        for step in range(first, steps):
            began = time.perf_counter()
            batch = batches.batch(0, step, LIMIT_S, rank, ranks)
            read_s = time.perf_counter() - began
            time.sleep(max(0.0, args.step_s - read_s))
            barrier.wait(PATIENCE_S)  # the gradients of all
            took_s = time.perf_counter() - began
            print(json.dumps({"step": step, "read_s": read_s, "took_s": took_s, "utterances": batch.utterances}),
                  file=log, flush=True)  # fmt: skip
            barrier.wait(PATIENCE_S)
            if rank == 0 and (step + 1) % args.checkpoint_every == 0:
                write_lines(args.out / "checkpoint.json", [json.dumps({"step": step + 1})])


def run_ranks(args: argparse.Namespace, urls: list[str], attempt: int, first: int, ranks: int, kill_at: int | None) -> None:
    """Start ranks and wait; at step `kill_at` the last one is killed, and then all end."""
    context = multiprocessing.get_context("forkserver")
    barrier = context.Barrier(ranks)
    running = [context.Process(target=train, args=(args, urls, attempt, first, rank, ranks, barrier)) for rank in range(ranks)]
    log = args.out / "log" / f"{attempt}-{ranks - 1}.jsonl"
    try:
        for process in running:
            process.start()
        while all(process.is_alive() for process in running):
            if kill_at is not None and log.is_file() and log.read_bytes().count(b"\n") > kill_at:
                os.kill(running[-1].pid, signal.SIGKILL)
                running[-1].join()
            time.sleep(0.05)
        if any(process.exitcode not in (None, 0) for process in running):
            for process in running:
                process.terminate()
        for process in running:
            process.join()
    finally:
        for process in running:
            if process.pid is not None:  # it was started
                process.kill()
    if kill_at is None and any(process.exitcode for process in running):
        raise DataError(f"a rank ended with {[process.exitcode for process in running]}; see what it said above")


def read_logs(folder: Path, attempt: int) -> dict[int, list[dict]]:
    """Lines of all ranks by step; a killed rank may have left half a line."""
    steps: dict[int, list[dict]] = {}
    for path in sorted(folder.glob(f"{attempt}-*.jsonl")):
        for text in path.read_text(encoding="utf-8").split("\n")[:-1]:
            line = json.loads(text)
            steps.setdefault(line["step"], []).append(line)
    return steps


def simulate(args: argparse.Namespace) -> dict:
    """Everything; what was found."""
    latents, log = args.out / "latents", args.out / "log"
    log.mkdir(parents=True, exist_ok=True)
    for old in [*log.iterdir(), args.out / "checkpoint.json"]:
        old.unlink(missing_ok=True)
    if not (latents / "index.jsonl").is_file():
        write_synthetic(latents, args.utterances, args.shards, CHANNELS, SECONDS)
    context = multiprocessing.get_context("forkserver")
    ports = [context.Value("i", 0) for _ in range(args.machines)]
    machines = [context.Process(target=serve, args=(latents / "shar", args.slow_s * (k == 0), port), daemon=True)
                for k, port in enumerate(ports)]  # fmt: skip
    for machine in machines:
        machine.start()
    try:
        while not all(port.value for port in ports):
            time.sleep(0.05)
        most = args.shards - 1
        bounds = [most * k // args.machines for k in range(args.machines)] + [most + 1]
        urls = [f"http://127.0.0.1:{port.value}/latents.{{{low:06d}..{high - 1:06d}}}.tar"
                for port, low, high in zip(ports, bounds, bounds[1:])]  # fmt: skip
        batches = make_batches(args)
        plan = batches.plan(0, LIMIT_S)
        run_ranks(args, urls, 0, 0, args.ranks, kill_at=len(plan) // 2)
        path = args.out / "checkpoint.json"
        first = json.loads(path.read_text(encoding="utf-8"))["step"] if path.is_file() else 0
        run_ranks(args, urls, 1, first, args.ranks - 1, kill_at=None)
    finally:
        for machine in machines:
            machine.kill()
    before, after = read_logs(log, 0), read_logs(log, 1)
    trained = {step: before[step] for step in range(first)} | after
    counts = Counter(utt for lines in trained.values() for line in lines for utt in line["utterances"])
    wanted = {e.utt for e in batches.store.entries} - set(batches.left_out(LIMIT_S))
    again = [step for step in before if step >= first and len(before[step]) == args.ranks]
    took = [max(line["took_s"] for line in trained[step]) for step in sorted(trained) if step not in (0, first)]
    tenths = [statistics.median(took[len(took) * k // 10 : max(1, len(took) * (k + 1) // 10)]) for k in range(10)]
    return {
        "steps": len(plan), "killed_at": max(before), "resumed_from": first,
        "lost": len(wanted - counts.keys()), "twice": sum(count > 1 for count in counts.values()),
        "unknown": len(counts.keys() - wanted),
        "read_otherwise": sum(_utterances(before[step]) != _utterances(after[step]) for step in again),
        "first_step_s": [max(line["took_s"] for line in steps[at]) for steps, at in ((before, 0), (after, first))],
        "median_s": statistics.median(took), "p99_s": sorted(took)[int(0.99 * (len(took) - 1))], "most_s": max(took),
        "tenths_s": tenths,
    }  # fmt: skip


def _utterances(lines: list[dict]) -> list[str]:
    return sorted(utt for line in lines for utt in line["utterances"])


def table(args: argparse.Namespace, found: dict) -> list[str]:
    """Markdown lines."""
    tenths = " ".join(f"{value:.3f}" for value in found["tenths_s"])
    return [
        f"| {args.utterances} utterances, {args.shards} shards on {args.machines} machines, {args.ranks} ranks | |",
        "| --- | --- |",
        f"| steps of the epoch | {found['steps']} |",
        f"| a rank killed at step; {args.ranks - 1} ranks go on from | {found['killed_at']}; {found['resumed_from']} |",
        f"| utterances lost; trained on twice | {found['lost']}; {found['twice']} |",
        f"| steps read otherwise after the kill | {found['read_otherwise']} |",
        f"| each shard of one machine later by; a step alone | {args.slow_s:g} s; {args.step_s:g} s |",
        f"| a step: median, 99 %, longest | {found['median_s']:.3f} s, {found['p99_s']:.3f} s, {found['most_s']:.3f} s |",
        f"| medians of the tenths of the epoch (s) | {tenths} |",
        f"| the first step of each start, which waits for its shards | {' s, '.join(f'{s:.1f}' for s in found['first_step_s'])} s |",
    ]


def main() -> int:
    """Parse arguments, simulate; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="a folder; latents that are in it already are used")
    parser.add_argument("--utterances", type=positive, default=100_000)
    parser.add_argument("--shards", type=positive, default=1000)
    parser.add_argument("--machines", type=positive, default=4)
    parser.add_argument("--ranks", type=positive, default=4, help="2 or more (default 4)")
    parser.add_argument("--readers", type=positive, default=12, help="data.readers (default 12)")
    parser.add_argument("--shards-in-memory", type=positive, default=96, help="of all ranks (default 96)")
    parser.add_argument("--batch-patches", type=positive, default=10_000)
    parser.add_argument("--step-s", type=float, default=0.3, help="of a step without its data (default 0.3)")
    parser.add_argument("--slow-s", type=float, default=0.1, help="the slow machine's wait for a shard (default 0.1)")
    parser.add_argument("--checkpoint-every", type=positive, default=10, help="steps (default 10)")
    args = parser.parse_args()
    try:
        if not 2 <= args.ranks <= args.readers or args.machines > args.shards:
            raise DataError(
                f"--ranks must be from 2 to --readers, {args.readers}, and --machines at most --shards, {args.shards}; "
                f"got {args.ranks} and {args.machines}"
            )
        found = simulate(args)
        lines = table(args, found)
        write_lines(args.out / "simulation.md", lines)
        write_lines(args.out / "simulation.json", [json.dumps(found, indent=2)])
    except (DataError, OSError) as error:
        print(f"simulate_data: error: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 1 if found["lost"] or found["twice"] or found["unknown"] or found["read_otherwise"] else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
