"""The report on a trial of a user's own data, as one page of HTML."""

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
from pcrec_core.reporting.runs import Runs

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1b1b; --soft: #f3f3f3; --line: #bbb;
  --link: #0a58a8; --good: #00633f; --bad: #a01c00; --out: #8a4b00; --open: #4a5260 }
@media (prefers-color-scheme: dark) { :root { --ground: #14181e; --ink: #e6e6e6; --soft: #222832;
  --line: #555; --link: #7ab5ff; --good: #5fd3a4; --bad: #ff9b85; --out: #f3b562;
  --open: #b9c1cd } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em;
  background: var(--ground); color: var(--ink); overflow-wrap: break-word }
a { color: var(--link) } table { border-collapse: collapse; font-size: 14px }
td, th { border-bottom: 1px solid var(--line); padding: .3em .7em; text-align: left }
td { white-space: pre-line; vertical-align: top }
pre { background: var(--soft); padding: 1em; white-space: pre-wrap; overflow-wrap: anywhere }
.wide { overflow-x: auto } summary { cursor: pointer }
.answers { border-left: 4px solid var(--link); padding-left: 1.5em }
.verdict { font-weight: 600; white-space: nowrap } .supported { color: var(--good) }
.contradicted { color: var(--bad) } .ruled-out { color: var(--out) }
.inconclusive, .not-tested { color: var(--open) }
@media (max-width: 40em) { .wide::before { content: "The table scrolls sideways."; font-size: 13px;
  position: sticky; left: 0 } }
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
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{heading}</title><style>{_STYLE}</style></head>\n<body><main><h1>{heading}</h1>\n"
        f"<p>{_INTRODUCTION}</p>\n{body}</main></body></html>\n"
    )


_INTRODUCTION = (
    "The base is one model; LE is PCRec, two peers that merge their layers by entropy after each"
    " epoch; avg merges them by plain averaging. A user's last item is the test and the one before"
    f" it the validation; every item is ranked. Verdicts are given for {PRIMARY}."
)


def _html(shown: Html) -> str:
    return shown._repr_html_()
