"""``python -m benchmarks [CASE ...]``: time ours and the reference in turn, print the table, keep it for the cost page."""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from benchmarks.cases import Case, all_cases
from pcrec_core.paths import ROOT, write_whole

TABLE = ROOT / "data" / "benchmarks.csv"
SECONDS = 8.0  # of timing a case, at least three repetitions of each


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(name for name, _ in all_cases())}")
    parser.add_argument("--threads", type=int, default=1, help="threads of both sides (default: 1, as runs are trained)")
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "SIDE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cases = dict(all_cases())
    if given.memory:
        print(_own_peak(cases[given.memory[0]](), given.memory[1]))
        return
    if unknown := set(given.cases) - set(cases):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(cases)}.")
    names = given.cases or list(cases)
    bandwidth = _bandwidth()
    rows = [_row(name, cases[name](), given.threads, bandwidth) for name in tqdm(names, unit="case")]
    table = pd.DataFrame(rows)
    print(table.drop(columns=["machine", "torch"]).to_string(index=False))
    if not given.cases:
        write_whole(TABLE, table.to_csv(index=False, float_format="%.4g").encode())
        print(f"Written to {TABLE.relative_to(ROOT)}.")


def _row(name: str, case: Case, threads: int, bandwidth: float) -> dict[str, object]:
    sides = {"ours": case.ours, "reference": case.reference} | ({"second": case.second} if case.second else {})
    times = _alternate(list(sides.values()))
    middle = dict(zip(sides, map(statistics.median, times), strict=True))
    spread = [max(t) / min(t) - 1 for t in times]
    floor = sum(count * _product(*shape) for *shape, count in case.products) + case.traffic / bandwidth
    return {"case": case.name, "ours s": middle["ours"], "reference s": middle["reference"],
            "ratio": middle["reference"] / middle["ours"], "target": case.target,
            "vectorised ratio": middle.get("second", float("nan")) / middle["ours"],
            "floor s": floor, "ours over floor": middle["ours"] / floor, "spread": max(spread[:2]), "repetitions": len(times[0]),
            "ours MB": _peak(name, "ours", threads), "reference MB": _peak(name, "reference", threads),
            "threads": threads, "machine": _machine(), "torch": torch.__version__}


def _alternate(sides: list[Callable[[], object]]) -> list[list[float]]:
    """Seconds of every repetition of each side, one after the other, after one that is not counted."""
    for side in sides:
        side()
    times: list[list[float]] = [[] for _ in sides]
    began = time.perf_counter()
    while len(times[0]) < 3 or time.perf_counter() - began < SECONDS:
        for side, seconds in zip(sides, times, strict=True):
            start = time.perf_counter()
            side()
            seconds.append(time.perf_counter() - start)
    return times


def _product(rows: int, inner: int, columns: int) -> float:
    """Seconds of a matrix product of that shape here, in pieces that stay in the cache, as the loss does it."""
    part = max(1, min(rows, 2**19 // columns))
    x, w, out = torch.rand(part, inner), torch.rand(inner, columns), torch.empty(part, columns)
    seconds = [_seconds(lambda: torch.mm(x, w, out=out)) for _ in range(9)]
    return statistics.median(seconds) * rows / part


def _bandwidth() -> float:
    """Bytes a second of a copy that no cache holds, read and written."""
    x = torch.ones(2**25)
    y = torch.empty_like(x)
    return 2 * 4 * len(x) / min(_seconds(lambda: y.copy_(x)) for _ in range(5))


def _seconds(what: Callable[[], object]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def _own_peak(case: Case, side: str) -> int:
    """Peak megabytes that two repetitions add to what the case itself needs."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        getattr(case, side)()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


def _peak(name: str, side: str, threads: int) -> int:
    command = [sys.executable, "-m", "benchmarks", "--threads", str(threads), "--memory", name, side]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def _machine() -> str:
    """Processor and instruction set, no host's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    main()
