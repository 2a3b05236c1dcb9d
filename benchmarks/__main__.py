"""``python -m benchmarks [CASE ...]``: time our code and the reference in turn.

The tables are printed, and written to ``data/``, from which the page on speed is built.
"""

from __future__ import annotations

import argparse
import math
import platform
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
from pcrec_core.paths import ROOT
from pcrec_core.training.precision import available, products
from pcrec_core.writing import write_whole

T = TypeVar("T")
Row = dict[str, object]

TABLE, PROFILES = ROOT / "data" / "benchmarks.csv", ROOT / "data" / "profiles.csv"
SECONDS = 8.0  # of timing per case, with at least three repetitions of each side
_OPERATIONS = 6  # of a profile


def main() -> None:
    """Run the command."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    cases = dict(all_cases())
    if given.memory:
        name, side = given.memory
        print(_own_peak(cases[name](), side))
        return
    bandwidth = _bandwidth()
    rows: list[Row] = []
    profiles: list[Row] = []
    for name in tqdm(given.cases or list(cases), unit="case"):
        case = cases[name]()
        rows += _rows(name, case, given.threads, bandwidth)
        profiles += _profile(case)
    table = pd.DataFrame(rows if given.cases else [*rows, _ml20m()])
    print(table.to_string(index=False, float_format="%.4g"))
    if not available("bf16", CPU):
        print("No bf16 rows: this processor makes no bf16 products.")
    where = {"threads": given.threads, "machine": machine(), "torch": torch.__version__}
    _write(TABLE, table.assign(**where), "%.4g", part=bool(given.cases))
    _write(PROFILES, pd.DataFrame(profiles), "%.3g", part=bool(given.cases))
    print(f"Written to {TABLE.relative_to(ROOT)} and {PROFILES.relative_to(ROOT)}.")


def _arguments() -> argparse.Namespace:
    names = [name for name, _ in all_cases()]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help=f"some of {', '.join(names)}",
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
    if unknown := set(given.cases) - set(names):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(names)}.")
    return given


def _write(path: Path, frame: pd.DataFrame, float_format: str, part: bool) -> None:
    """Write the table, into the one on disk if only a part of the cases was measured."""
    whole = _in_place(path, frame) if part else frame
    write_whole(path, whole.to_csv(index=False, float_format=float_format).encode())


def _in_place(path: Path, new: pd.DataFrame) -> pd.DataFrame:
    """Return the table on disk, with new rows in place of those of the same cases."""
    if not path.exists():
        return new
    old = pd.read_csv(path)
    order = list(dict.fromkeys([*old["case"], *new["case"]]))
    both = pd.concat([old[~old["case"].isin(new["case"])], new])
    return both.sort_values("case", key=lambda cases: cases.map(order.index), kind="stable")


def _rows(name: str, case: Case, threads: int, bandwidth: float) -> Iterator[Row]:
    """Yield the row of a case, and that with bf16 products if it has such a target here."""
    sides = {"ours": case.ours, "reference": case.reference}
    if case.second:
        sides["second"] = case.second
    arithmetic = sum(
        count * _product(rows, inner, columns) for rows, inner, columns, count in case.products
    )
    floor = {"floor_seconds": arithmetic + case.traffic / bandwidth}
    memory = {f"{side}_megabytes": _peak(name, side, threads) for side in ("ours", "reference")}
    yield {"case": case.name} | _compared(sides, case.target) | floor | memory
    if case.bf16_target and case.gradient and available("bf16", CPU):
        sides["ours"] = _with_bf16(case.ours)
        exact, rounded = case.gradient(), _with_bf16(case.gradient)()
        error = (torch.linalg.vector_norm(rounded - exact) / torch.linalg.vector_norm(exact)).item()
        compared = _compared(sides, case.bf16_target)
        yield {"case": f"{case.name}, bf16"} | compared | {"gradient error": error}


def _with_bf16(function: Callable[[], T]) -> Callable[[], T]:
    def with_bf16() -> T:
        with products("bf16", CPU):
            return function()

    return with_bf16


def _compared(sides: dict[str, Callable[[], object]], target: float) -> Row:
    times = _alternate(list(sides.values()))
    medians = dict(zip(sides, map(statistics.median, times), strict=True))
    return {
        "ours_seconds": medians["ours"],
        "reference_seconds": medians["reference"],
        "ratio": medians["reference"] / medians["ours"],
        "target": f"{target:g} x",
        "second_ratio": medians.get("second", math.nan) / medians["ours"],
        "spread": max(_spread(t) for t in times[:2]),
        "repetitions": len(times[0]),
    }


def _spread(seconds: list[float]) -> float:
    """Return the range of the middle half of the repetitions over their median."""
    quarters = statistics.quantiles(seconds, n=4)
    return (quarters[2] - quarters[0]) / quarters[1]


def _profile(case: Case) -> Iterator[Row]:
    """Yield the shares of our time of the torch operations that take most, and of all others."""
    case.ours()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        case.ours()
    spent = {event.key: event.self_cpu_time_total for event in profiled.key_averages()}
    total, most = sum(spent.values()), sorted(spent, key=spent.__getitem__, reverse=True)
    most = most[:_OPERATIONS]
    shares = {name.removeprefix("aten::"): spent[name] / total for name in most}
    shares["others"] = 1 - sum(spent[name] for name in most) / total
    for operation, share in shares.items():
        yield {"case": case.name, "operation": operation, "share": share}


def _ml20m() -> Row:
    found = ml20m.measure()
    return {
        "case": f"load, five-core and split of ml-20m, {ml20m.ROWS:,} made-up rows",
        "ours_seconds": sum(found["seconds"].values()),
        "target": "20 s",
        "repetitions": 1,
        "ours_megabytes": found["peak"] / 1e6,
    }


def _alternate(sides: list[Callable[[], object]]) -> list[list[float]]:
    """Time repetitions of the sides in turn, and return the seconds of each side.

    The first repetition is not counted if there are more than three.
    """
    times: list[list[float]] = [[] for _ in sides]
    began = time.perf_counter()
    while len(times[0]) < 3 or time.perf_counter() - began < SECONDS:
        for side, seconds in zip(sides, times, strict=True):
            seconds.append(_seconds(side))
    return [seconds[1:] if len(seconds) > 3 else seconds for seconds in times]


def _product(rows: int, inner: int, columns: int) -> float:
    """Return the seconds of a matrix product of that shape here, cut up as is fastest."""
    x, w = torch.rand(rows, inner), torch.rand(columns, inner)

    def seconds(part: int, block: int) -> float:
        factors = [(x[:part], w[at : at + block].t()) for at in range(0, columns, block)]
        times = [_seconds(lambda: [torch.mm(*pair) for pair in factors]) for _ in range(7)]
        return statistics.median(times) * rows / part

    parts, blocks = (32, 128, 512), (512, 2048, columns)
    return min(seconds(min(part, rows), block) for part in parts for block in blocks)


def _bandwidth() -> float:
    """Return the bytes per second of the faster of a copy and an addition in place.

    Reading and writing both count; the array is larger than a cache. On processors that do not
    write around the cache a copy also reads what it overwrites, while Adam works in place.
    """
    x = torch.ones(2**25)
    y = torch.empty_like(x)
    operations = (lambda: y.copy_(x), lambda: x.add_(1.0))
    fastest = min(_seconds(operation) for _ in range(7) for operation in operations)
    return 2 * 4 * len(x) / fastest


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _own_peak(case: Case, side: str) -> int:
    """Return the peak megabytes that a repetition adds to those of the case itself."""
    before = _high_water()
    getattr(case, side)()
    return (_high_water() - before) // 1000


def _high_water() -> int:
    """Return the peak memory of this process in kB, 0 where the system does not report it.

    ``ru_maxrss`` would start with the memory of the parent process.
    """
    return int(_system("/proc/self/status", "VmHWM").partition(" ")[0] or 0)


def _system(path: str, name: str) -> str:
    """Return a value of a system file of lines "name: value", "" if there is none."""
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith(name)), "")


def _peak(name: str, side: str, threads: int) -> int:
    command = ["-m", "benchmarks", "--threads", str(threads), "--memory", name, side]
    done = subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return int(done.stdout)


def machine() -> str:
    """Return the processor and its instruction set, without the name of the host."""
    model = _system("/proc/cpuinfo", "model name") or platform.processor()
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    main()
