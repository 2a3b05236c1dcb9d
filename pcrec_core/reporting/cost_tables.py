"""What the study costs: the figures that ``python -m benchmarks`` and ``python -m benchmarks.modes`` leave. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from pcrec_core.reporting.formats import DASH, count, number, share
from pcrec_core.reporting.html import Html, table


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
