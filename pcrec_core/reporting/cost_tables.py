"""Tables of time and memory, as ``python -m benchmarks`` and ``benchmarks.modes`` measure them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pcrec_core.reporting.formats import DASH, Formatter, count, number, share
from pcrec_core.reporting.html import Html, table


def machine(frame: pd.DataFrame) -> str:
    """Describe the machine of a table's measurements."""
    first = frame.iloc[0]
    per_side = int(first.get("threads", 0))
    threads = f"{per_side} thread{'s' * (per_side > 1)} per side; " * bool(per_side)
    return f"{threads}{first['machine']}; torch {first['torch']}."


def show_benchmarks(frame: pd.DataFrame) -> Html:
    """Show our time and memory beside the reference's, one row per case.

    ``frame`` is that of ``cost.measured("benchmarks")``.
    """
    shown = pd.DataFrame(
        {
            "case": frame["case"],
            "milliseconds": _both(
                1e3 * frame["ours_seconds"], 1e3 * frame["reference_seconds"], _milliseconds
            ),
            "ratio": frame["ratio"],
            "target": frame["target"],
            "vectorised": frame["second_ratio"],
            "floor": frame["floor_seconds"] / frame["ours_seconds"],
            "memory": _both(frame["ours_megabytes"], frame["reference_megabytes"], count),
        }
    )
    formats = {"floor": share, "ratio": number(2), "vectorised": number(2)}
    note = (
        "Ours / the reference: medians of alternating repetitions, and what each adds to the peak"
        " memory. Vectorised: the ratio to a second, vectorised reference. Floor: its share of our"
        f" time. Measured with {machine(frame)}"
    )
    return table(shown, formats, "cost-benchmarks", note, frame)


def show_profiles(frame: pd.DataFrame) -> Html:
    """Show which operations of torch take most of the time, one row per case.

    ``frame`` is that of ``cost.measured("profiles")``.
    """
    texts = {
        case: ", ".join(
            f"{row['operation']} {share(row['share'])}" for row in rows.to_dict("records")
        )
        for case, rows in frame.groupby("case", sort=False)
    }
    shown = pd.DataFrame({"case": list(texts), "share_of_time_in_torch": list(texts.values())})
    note = "One repetition under torch's profiler, each operation without those it calls."
    return table(shown, {}, "cost-profiles", note, frame)


def _seconds(x: float) -> str:
    return DASH if pd.isna(x) else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


#: Formats of the measured columns that a table of modes may have.
_FORMATS: dict[str, Formatter] = {
    "seconds": _seconds,
    "range": str,
    "training": _seconds,
    "exchange": number(2),
    "processes": count,
    "megabytes": count,
    "weights": count,
}


def show_modes(frame: pd.DataFrame, beginning: str, columns: Sequence[str]) -> Html:
    """Show the cases whose name has this ``beginning``, with the given columns.

    Parameters
    ----------
    frame : DataFrame
        The frame of ``cost.measured("modes")``.
    beginning : str
        For example ``"SASRec,"``.
    columns : sequence of str
        Some of seconds, range, training, exchange, processes, megabytes and weights.
    """
    rows = frame[frame["case"].str.startswith(beginning)]
    full = rows.assign(range=[_range(row) for row in rows.to_dict("records")])
    name = f"cost-{beginning.lower().replace(' ', '-').rstrip(',')}"
    rounds = int(rows["rounds"].iloc[0])
    note = f"Median of {rounds} round{'s' * (rounds > 1)} on {machine(frame)}"
    return table(full[["case", *columns]], _FORMATS, name, note, rows)


def _both(ours: pd.Series, reference: pd.Series, form: Formatter) -> list[str]:
    """Format ours and the reference's in one cell; ours alone where there is no reference."""
    pairs = zip(ours, reference, strict=True)
    return [form(one) if pd.isna(other) else f"{form(one)} / {form(other)}" for one, other in pairs]


def _milliseconds(x: float) -> str:
    return DASH if pd.isna(x) else f"{x:,.0f}" if x >= 100 else f"{x:.1f}"


def _range(row: Mapping[str, Any]) -> str:
    if row["fastest"] == row["slowest"]:
        return DASH
    return f"{_seconds(row['fastest'])} to {_seconds(row['slowest'])}"
