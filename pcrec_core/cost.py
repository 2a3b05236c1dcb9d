"""What the study costs: the figures that ``python -m benchmarks`` and ``python -m benchmarks.modes`` leave. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from pcrec_core.errors import DataError, unknown
from pcrec_core.paths import ROOT
from pcrec_core.report import DASH, Html, count, number, share, size, table

#: What makes each table.
COMMANDS = {
    "benchmarks": "python -m benchmarks",
    "profiles": "python -m benchmarks",
    "modes": "python -m benchmarks.modes",
}
#: Bytes that a weight needs from one step to the next: itself and Adam's two moments, float32.
_STATE = 12


def measured(name: str, folder: str = "") -> pd.DataFrame:
    """A table of ``COMMANDS``, from ``folder``, or the committed one.

    Raises
    ------
    DataError
        If there is no such table, or the file is missing, empty or no csv.
    """
    if name not in COMMANDS:
        raise DataError(unknown("table of measurements", name, COMMANDS))
    path = (Path(folder) if folder else ROOT / "data") / f"{name}.csv"
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(
            f"{path} cannot be read ({' '.join(str(error).split())}); make it with: {COMMANDS[name]}"
        ) from error
    if "case" not in frame or frame.empty:
        raise DataError(
            f"{path} has no column 'case' or no row; make it anew with: {COMMANDS[name]}"
        )
    return frame


def machine(frame: pd.DataFrame) -> str:
    """Where a table was measured: a sentence."""
    first = frame.iloc[0]
    threads = f"{first['threads']} thread(s) on each side, " if "threads" in frame else ""
    return f"{threads}{first['machine']} instructions, torch {first['torch']}."


def show_benchmarks(frame: pd.DataFrame) -> Html:
    """Each case: ours, the reference, their ratio and its target, the floor, and the memory both add."""
    shown = pd.DataFrame(
        {
            "case": frame["case"],
            "ms": _two(1e3 * frame["ours s"], 1e3 * frame["reference s"], _milliseconds),
            "ratio": frame["ratio"],
            "target": frame["target"],
            "vectorised": frame["second ratio"],
            "floor": frame["floor s"] / frame["ours s"],
            "spread": frame["spread"],
            "MB": _two(frame["ours MB"], frame["reference MB"], count),
        }
    )
    formats = dict.fromkeys(["floor", "spread"], share) | dict.fromkeys(
        ["ratio", "vectorised"], number(2)
    )
    note = (
        "Ours / the reference: medians of alternating repetitions, and what these add to the peak memory. Vectorised: the"
        " ratio to a second, vectorised reference. Floor: its share of our time. Spread: the middle half of ours or the"
        f" reference, the larger, over its median. {machine(frame)}"
    )
    return table(shown, formats, "cost-benchmarks", note, frame)


def show_profiles(frame: pd.DataFrame) -> Html:
    """The operations of torch that take most of each case's time, in one cell a case."""
    texts = {
        case: ", ".join(
            f"{row['operation']} {share(row['share'])}" for row in rows.to_dict("records")
        )
        for case, rows in frame.groupby("case", sort=False)
    }
    shown = pd.DataFrame(
        {"case": list(texts), "share of the time inside torch": list(texts.values())}
    )
    note = "One repetition under torch's profiler, each operation without those it calls."
    return table(shown, {}, "cost-profiles", note, frame)


def _seconds(x: float) -> str:
    return DASH if pd.isna(x) else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


#: Columns of the table of modes: as they are measured, as they are shown, and how.
_SHOWN = {
    "seconds": ("seconds", _seconds),
    "range": ("range", None),
    "training": ("of which training", _seconds),
    "exchange": ("of which exchange", number(2)),
    "processes": ("processes", count),
    "MB": ("peak MB a process", count),
    "weights": ("weights", count),
}


def show_modes(frame: pd.DataFrame, beginning: str, columns: Sequence[str]) -> Html:
    """The cases that begin so, with these of the ``columns`` seconds, range, training, exchange, processes, MB, weights."""
    rows = frame[frame["case"].str.startswith(beginning)]
    full = rows.assign(range=[_range(row) for row in rows.to_dict("records")])
    shown = full[["case", *columns]].rename(columns={name: _SHOWN[name][0] for name in columns})
    formats = {_SHOWN[name][0]: _SHOWN[name][1] for name in columns if _SHOWN[name][1]}
    name = f"cost-{beginning.lower().replace(' ', '-').rstrip(',')}"
    return table(
        shown, formats, name, f"Median of {rows['rounds'].iloc[0]} round(s). {machine(frame)}", rows
    )


def said_modes(frame: pd.DataFrame) -> dict[str, str]:
    """What the cases say of each other, for the sentences of pages, under keys such as ``cost-serial``."""
    by = frame.set_index("case")

    def ratio(column: str, case: str, other: str) -> str:
        return f"{by.at[case, column] / by.at[other, column]:.1f}"

    one, serial, parallel = "one model", "a pair in turn", "a pair, a process a peer"
    exchange = by.at[f"SASRec, {serial}", "exchange"] / by.at[f"SASRec, {serial}", "seconds"]
    return {
        "cost-serial": ratio("training", f"SASRec, {serial}", f"SASRec, {one}"),
        "cost-parallel": ratio("training", f"SASRec, {parallel}", f"SASRec, {one}"),
        "cost-serial-wall": ratio("seconds", f"SASRec, {serial}", f"SASRec, {one}"),
        "cost-parallel-wall": ratio("seconds", f"SASRec, {parallel}", f"SASRec, {one}"),
        "cost-exchange": size(exchange),
        "cost-state": count(_STATE * by.at[f"BPR, {one}", "weights"] / 1e6),
        "cost-one-memory": count(by.at[f"BPR, {one}", "MB"]),
        "cost-serial-memory": count(by.at[f"BPR, {serial}", "MB"]),
        "cost-parallel-memory": count(2 * by.at[f"BPR, {parallel}", "MB"]),
        "cost-workers": ratio("seconds", "8 runs, one worker", "8 runs, two workers"),
        "cost-ensemble-2": ratio("seconds", "ranking, ensemble of 2", "ranking, one peer"),
        "cost-ensemble-3": ratio("seconds", "ranking, ensemble of 3", "ranking, one peer"),
    }


def _two(ours: pd.Series, reference: pd.Series, shown: Callable[[float], str]) -> list[str]:
    """The figures of both sides in one cell; those of ours alone where there is no reference."""
    pairs = zip(ours, reference, strict=True)
    return [
        shown(one) if pd.isna(other) else f"{shown(one)} / {shown(other)}" for one, other in pairs
    ]


def _milliseconds(x: float) -> str:
    return DASH if pd.isna(x) else f"{x:,.0f}" if x >= 100 else f"{x:.1f}"


def _range(row: dict) -> str:
    return (
        DASH
        if row["fastest"] == row["slowest"]
        else f"{_seconds(row['fastest'])} to {_seconds(row['slowest'])}"
    )
