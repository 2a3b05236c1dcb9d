"""The report on a trial of one's own data as one page of HTML."""

from __future__ import annotations

import html

from pcrec_core.metrics import PRIMARY
from pcrec_core.reporting import tables
from pcrec_core.reporting.html import Html
from pcrec_core.reporting.own_data import (
    answers,
    decided,
    list_of,
    show_costs,
    show_values,
    show_verdicts,
    warnings,
)
from pcrec_core.reporting.page import Runs

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 14px } div.wide { overflow-x: auto }
td, th { border-bottom: 1px solid #ccc; padding: .3em .7em; text-align: left; vertical-align: top }
td { white-space: pre-line } pre { background: #f4f4f4; padding: 1em; overflow-x: auto }
.verdict { border-left: 4px solid #36c; padding-left: 1em }
"""


def report(title: str, reading: str, runs: Runs, trivial: Runs, gain: float) -> str:
    """Return the whole report as one page of HTML that needs no other file.

    Parameters
    ----------
    title : str
        Name of the file.
    reading : str
        How it is read, as ``datasets.describe`` prints it.
    runs, trivial : Runs
        The trained arms, and the baselines without training.
    gain : float
        The relative improvement that would matter.
    """
    frame = decided(runs, gain)
    arms = [*runs, *trivial]
    parts = {
        "The answer": list_of([*answers(frame, gain), *warnings(runs, trivial)]),
        "The comparisons": _html(show_verdicts(frame, gain)),
        "How accurate each is": _html(show_values(arms)),
        "What it cost": _html(show_costs(runs.groups)),
        "How the file was read": f"<pre>{html.escape(reading)}</pre>",
        "The records": _html(tables.sources([run for arm in arms for run in arm.runs])),
    }
    body = "".join(f"<h2>{name}</h2>\n{content}\n" for name, content in parts.items())
    heading = html.escape(f"Does PCRec help on {title}?")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{heading}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{heading}</h1>\n<p>{_INTRODUCTION}</p>\n{body}"
        "</body></html>\n"
    )


_INTRODUCTION = (
    "The base is one model; LE is PCRec, two peers that merge their layers by entropy after each"
    " epoch; avg merges them by plain averaging. A user's last item is the test and the one before"
    f" it the validation; every item is ranked. Words are given for {PRIMARY}."
)


def _html(shown: Html) -> str:
    return shown._repr_html_()
