"""``python -m benchmarks [CASE ...]``: time ours and the reference in turn, print the table, keep it for the cost page."""

from __future__ import annotations

import argparse
import math
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pandas as pd
import torch
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

from benchmarks import ml20m
from benchmarks.cases import CPU, Case, all_cases
from pcrec_core.paths import ROOT, write_whole
from pcrec_core.training.precision import available, products

T = TypeVar("T")
_MOST = 6  # operations of a profile

TABLE, PROFILES = ROOT / "data" / "benchmarks.csv", ROOT / "data" / "profiles.csv"
SECONDS = 8.0  # of timing a case, at least three repetitions of each


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help=f"some of {', '.join(name for name, _ in all_cases())}",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="threads of both sides (default: 1, as runs are trained)",
    )
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "SIDE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.threads < 1:
        parser.error(f"--threads must be 1 or more, not {given.threads}.")
    torch.set_num_threads(given.threads)
    cases = dict(all_cases())
    if given.memory:
        print(_own_peak(cases[given.memory[0]](), given.memory[1]))
        return
    if unknown := set(given.cases) - set(cases):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(cases)}.")
    names = given.cases or list(cases)
    bandwidth = _bandwidth()
    rows, profiles = [], []
    for name in tqdm(names, unit="case"):
        case = cases[name]()
        rows += _rows(name, case, given.threads, bandwidth)
        profiles += _profile(case)
    table = pd.DataFrame(rows if given.cases else [*rows, _ml20m()])
    print(table.to_string(index=False, float_format="%.4g"))
    if not available("bf16", CPU):
        print("No bf16 rows: this processor makes no bf16 products.")
    where = {"threads": given.threads, "machine": machine(), "torch": torch.__version__}
    for path, frame, form in (
        (TABLE, table.assign(**where), "%.4g"),
        (PROFILES, pd.DataFrame(profiles), "%.3g"),
    ):
        whole = _in_place(path, frame) if given.cases else frame
        write_whole(path, whole.to_csv(index=False, float_format=form).encode())
    print(f"Written to {TABLE.relative_to(ROOT)} and {PROFILES.relative_to(ROOT)}.")


def _in_place(path: Path, new: pd.DataFrame) -> pd.DataFrame:
    """The table there, with the rows of the cases that were measured again in place of theirs."""
    if not path.exists():
        return new
    old = pd.read_csv(path)
    order = list(dict.fromkeys([*old["case"], *new["case"]]))
    both = pd.concat([old[~old["case"].isin(new["case"])], new])
    return both.sort_values("case", key=lambda cases: cases.map(order.index), kind="stable")


def _rows(name: str, case: Case, threads: int, bandwidth: float) -> Iterator[dict[str, object]]:
    """The case's row, and one with bf16 products where it has such a target and the processor can."""
    sides = {"ours": case.ours, "reference": case.reference} | (
        {"second": case.second} if case.second else {}
    )
    floor = (
        sum(count * _product(*shape) for *shape, count in case.products) + case.traffic / bandwidth
    )
    memory = {f"{side} MB": _peak(name, side, threads) for side in ("ours", "reference")}
    yield {"case": case.name} | _compared(sides, case.target) | {"floor s": floor} | memory
    if case.bf16_target and available("bf16", CPU):
        sides["ours"] = _with_bf16(case.ours)
        exact, rounded = case.gradient(), _with_bf16(case.gradient)()
        error = (torch.linalg.vector_norm(rounded - exact) / torch.linalg.vector_norm(exact)).item()
        yield (
            {"case": f"{case.name}, bf16"}
            | _compared(sides, case.bf16_target)
            | {"gradient error": error}
        )


def _with_bf16(what: Callable[[], T]) -> Callable[[], T]:
    def inside() -> T:
        with products("bf16", CPU):
            return what()

    return inside


def _compared(sides: dict[str, Callable[[], object]], target: float) -> dict[str, object]:
    times = _alternate(list(sides.values()))
    middle = dict(zip(sides, map(statistics.median, times), strict=True))
    return {
        "ours s": middle["ours"],
        "reference s": middle["reference"],
        "ratio": middle["reference"] / middle["ours"],
        "target": f"{target:g} x",
        "second ratio": middle.get("second", math.nan) / middle["ours"],
        "spread": max(_spread(t) for t in times[:2]),
        "repetitions": len(times[0]),
    }


def _spread(seconds: list[float]) -> float:
    """Middle half of the repetitions over their median."""
    quarters = statistics.quantiles(seconds, n=4)
    return (quarters[2] - quarters[0]) / quarters[1]


def _profile(case: Case) -> Iterator[dict[str, object]]:
    """Where the time of ours goes: the operations of torch that take most of it, themselves, and all others."""
    case.ours()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        case.ours()
    spent = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    most = sorted(spent, key=spent.get, reverse=True)[:_MOST]
    for name in most:
        yield {
            "case": case.name,
            "operation": name.removeprefix("aten::"),
            "share": spent[name] / sum(spent.values()),
        }
    yield {
        "case": case.name,
        "operation": "others",
        "share": 1 - sum(map(spent.get, most)) / sum(spent.values()),
    }


def _ml20m() -> dict[str, object]:
    found = ml20m.measure()
    return {
        "case": f"load, five-core and split of ml-20m, {ml20m.ROWS:,} made-up rows",
        "ours s": sum(found["seconds"].values()),
        "target": "20 s",
        "repetitions": 1,
        "ours MB": found["peak"] / 1e6,
    }


def _alternate(sides: list[Callable[[], object]]) -> list[list[float]]:
    """Seconds of every repetition of each side, one after the other; the first is not counted if there are many."""
    times: list[list[float]] = [[] for _ in sides]
    began = time.perf_counter()
    while len(times[0]) < 3 or time.perf_counter() - began < SECONDS:
        for side, seconds in zip(sides, times, strict=True):
            seconds.append(_seconds(side))
    return [seconds[1:] if len(seconds) > 3 else seconds for seconds in times]


def _product(rows: int, inner: int, columns: int) -> float:
    """Seconds of a matrix product of that shape here, in the pieces that make it fastest."""
    x, w = torch.rand(rows, inner), torch.rand(columns, inner)

    def of(part: int, block: int) -> float:
        pieces = [(x[:part], w[at : at + block].t()) for at in range(0, columns, block)]
        return (
            statistics.median(
                _seconds(lambda: [torch.mm(*piece) for piece in pieces]) for _ in range(7)
            )
            * rows
            / part
        )

    return min(
        of(min(part, rows), block) for part in (32, 128, 512) for block in (512, 2048, columns)
    )


def _bandwidth() -> float:
    """Bytes a second of what moves most: a copy, or an addition in place, of more than a cache holds, read and written.

    A copy reads what it overwrites too, on processors that do not write around the cache; Adam works in place.
    """
    x = torch.ones(2**25)
    y = torch.empty_like(x)
    return (
        2
        * 4
        * len(x)
        / min(
            _seconds(what) for _ in range(7) for what in (lambda: y.copy_(x), lambda: x.add_(1.0))
        )
    )


def _seconds(what: Callable[[], object]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def _own_peak(case: Case, side: str) -> int:
    """Peak megabytes that a repetition adds to what the case itself needs."""
    before = _high_water()
    getattr(case, side)()
    return (_high_water() - before) // 1000


def _high_water() -> int:
    """Peak of this program in kB, 0 where the system does not say. (``ru_maxrss`` begins with what the parent held.)"""
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) if status.exists() else 0


def _peak(name: str, side: str, threads: int) -> int:
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--threads",
        str(threads),
        "--memory",
        name,
        side,
    ]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def machine() -> str:
    """Processor and instruction set, no host's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    main()
