"""Texts of the measurements of time and memory, for sentences."""

from __future__ import annotations

import pandas as pd

from pcrec_core.reporting.formats import count, size

#: Bytes per weight from one step to the next: the weight and Adam's two moments, in float32.
_STATE = 12


def format_modes(frame: pd.DataFrame) -> dict[str, str]:
    """Format how the measured cases compare, under keys such as ``cost-serial``.

    ``frame`` is that of ``cost.measured("modes")``.
    """
    by = frame.set_index("case")

    def ratio(column: str, case: str, other: str) -> str:
        return f"{by.at[case, column] / by.at[other, column]:.1f}"

    one, serial, parallel = "one model", "a pair in turn", "a pair, one process per peer"
    both = 2 * by.at[f"BPR, {parallel}", "megabytes"]
    exchange = by.at[f"SASRec, {serial}", "exchange"] / by.at[f"SASRec, {serial}", "seconds"]
    return {
        "cost-serial": ratio("training", f"SASRec, {serial}", f"SASRec, {one}"),
        "cost-parallel": ratio("training", f"SASRec, {parallel}", f"SASRec, {one}"),
        "cost-serial-wall": ratio("seconds", f"SASRec, {serial}", f"SASRec, {one}"),
        "cost-parallel-wall": ratio("seconds", f"SASRec, {parallel}", f"SASRec, {one}"),
        "cost-exchange": size(exchange),
        "cost-state": count(_STATE * by.at[f"BPR, {one}", "weights"] / 1e6),
        "cost-one-memory": count(by.at[f"BPR, {one}", "megabytes"]),
        "cost-serial-memory": count(by.at[f"BPR, {serial}", "megabytes"]),
        "cost-parallel-memory": count(both),
        "cost-serial-peak": ratio("megabytes", f"BPR, {serial}", f"BPR, {one}"),
        "cost-parallel-peak": f"{both / by.at[f'BPR, {one}', 'megabytes']:.1f}",
        "cost-workers": ratio("seconds", "8 runs, one worker", "8 runs, two workers"),
        "cost-ensemble-2": ratio("seconds", "ranking, ensemble of 2", "ranking, one peer"),
        "cost-ensemble-3": ratio("seconds", "ranking, ensemble of 3", "ranking, one peer"),
    }
