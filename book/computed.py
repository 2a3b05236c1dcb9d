"""Parts of pages that are computed when the book is built, so that they cannot go stale.

A line ``% computed: NAME`` of a page is replaced by the text that ``PARTS[NAME]`` returns.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from book import front
from pcrec_core.analysis import cost
from pcrec_core.analysis.claims.registry import Claim, registry
from pcrec_core.paths import ROOT
from pcrec_core.reporting import cost_tables, tables
from pcrec_core.reporting.formats import number, percent, probability, runs_of_both, share
from pcrec_core.reporting.names import dataset_name
from pcrec_core.reporting.wording import symbols
from pcrec_core.study import defaults
from pcrec_core.study.command_line import command
from pcrec_core.study.records import Record, RunRecord, Store

_LINE = re.compile(r"^% computed: ([a-z]+)$", re.M)
#: The pages of the paper's tables and figures, and of what this study adds, by family of claims.
PAGES = {
    "table1": "Table 1: data sets",
    "table2": "Table 2: hyper-parameters",
    "table3": "Table 3: overall performance",
    "table4": "Table 4: variants and ensembles",
    "table5": "Table 5: learning rates and data orders",
    "fig1": "Figure 1: pruning",
    "fig4": "Figure 4: α",
    "fig5": "Figure 5: convergence and single components",
    "fig6": "Figure 6: invalid layers",
    "criterion": "entropy as a measure of information",
    "cost": "cost",
    "controls": "this study's controls",
    "deviations": "the released code and the text, the ladder",
    "baselines": "the credibility of the baselines",
    "robustness": "robustness and limitations",
    "verdict": "all claims",
}
#: Families of claims that are shown on a page of another name.
_SHOWN_ON = {"ladder": "deviations"}


def fill(folder: Path) -> None:
    """Replace the computed lines in every page of a staged folder, in place."""
    for page in sorted(folder.glob("*.md")):
        text = page.read_text("utf-8")
        filled = _LINE.sub(lambda line: PARTS[line[1]](), text)
        if filled != text:
            page.write_text(filled, "utf-8")


def rows_of(head: str, *rows: str) -> str:
    """Return a Markdown table; cells are separated by a bar."""
    columns = head.count("|") - 1
    return "\n".join([head, "|" + "---|" * columns, *rows])


def artifacts() -> str:
    """List the paper's tables and figures: the page of each, and how many claims it makes."""
    claims = list(registry().values())
    rows = []
    for family, title in PAGES.items():
        own = [claim for claim in claims if _page(claim) == family]
        places = sorted({part for claim in own for part in claim.where.split("; ")})
        sections = ", ".join(place for place in places if place.startswith("Section")) or "–"
        link = f"[{title}](../notebooks/{family}.ipynb)"
        rows.append(f"| {link} | {sections} | {len(own) or '–'} |")
    head = "| page | sections with its claims | number of claims |"
    return rows_of(head, *rows)


def _page(claim: Claim) -> str:
    family = claim.family.split("/")[0] if claim.family else claim.id.split("-")[0]
    return _SHOWN_ON.get(family, family)


def claims() -> str:
    """List every registered claim below its page, in folds."""
    by_page = sorted(registry().values(), key=lambda claim: list(PAGES).index(_page(claim)))
    folds = []
    for page, group in groupby(by_page, key=_page):
        own = list(group)
        rows = [
            f"| `{claim.id}` | {symbols(claim.sentence)} | {dataset_name(claim.dataset)}"
            f" | {claim.where} |"
            for claim in own
        ]
        table = rows_of("| claim | in our words | tested on | source |", *rows)
        folds.append(f":::{{dropdown}} {PAGES[page]}: {_counted(own, 'claim')}\n\n{table}\n:::")
    return "\n\n".join(folds)


def records() -> str:
    """List every committed record by data set, each with its file and the command that makes it."""
    every = list(Store().all())
    note = tables.unsealed(every)
    folds = [f"{note} A dagger (†) marks them."] * bool(note)
    for dataset, group in groupby(every, key=lambda record: record.name.split("/")[0]):
        own = list(group)
        rows = [_record(record) for record in own]
        table = rows_of("| record | settings that differ from the study's | command |", *rows)
        title = f"{dataset_name(dataset)}: {_counted(own, 'record')}"
        folds.append(f":::{{dropdown}} {title}\n\n{table}\n:::")
    return "\n\n".join(folds)


def _counted(items: list[Any], name: str) -> str:
    return f"{len(items)} {name}{'s' * (len(items) != 1)}"


def _record(record: Record) -> str:
    name = record.name.split("/")[1]
    settings, made = "–", "pcrec study"
    if isinstance(record, RunRecord):
        changed = defaults.changed(record.spec)
        settings = ", ".join(f"{field} {value}" for field, value in changed.items()) or "–"
        made = command(record.spec)
    link = f'<a href="../records/{record.name}.json">{name}</a>'
    seal = "" if record.sealed else " †"
    return f"| {link}{seal} | {settings} | `{made}` |"


def speed() -> str:
    """Summarize the benchmarks that have a reference."""
    cases = cost.measured("benchmarks").dropna(subset="ratio")
    memory = cases["ours_megabytes"] / cases["reference_megabytes"]
    return (
        f"{cases['ratio'].min():.1f} to {cases['ratio'].max():.1f} times as fast as a"
        " straightforward implementation of the same computation, with"
        f" {share(memory.min())} to {share(memory.max())} of its additional peak memory."
    )


def benchmarks() -> str:
    """Show what ``python -m benchmarks`` measured, and where the time goes."""
    shown = (
        cost_tables.show_benchmarks(cost.measured("benchmarks")),
        cost_tables.show_profiles(cost.measured("profiles")),
    )
    return "\n\n".join(part._repr_html_() for part in shown)


#: The claim of the worked example.
_EXAMPLE = "table3-rr-dnn-le"


def example() -> str:
    """Decide one claim step by step, with the numbers of the records."""
    claim = front.decided().loc[_EXAMPLE].to_dict()
    low, high = (percent(claim[end]) for end in ("low", "high"))
    grade = f" ({claim['grade']})" if claim["grade"] else ""
    steps = {
        "the claim": f"{symbols(claim['claim'])} ({dataset_name(claim['dataset'])},"
        f" {claim['metric']})",
        "its size in the paper": f"{percent(claim['paper_relative_improvement'])},"
        f" $e$ = {claim['e']:.4f}",
        "the paper's own variance": f"$V_p$ = {claim['paper_variance']:.2g}",
        "runs of each arm, users": f"{runs_of_both(claim)} runs; {claim['users']:,.0f} users",
        "means": f"{claim['mean_variant']:.4f} over {claim['mean_base']:.4f}:"
        f" $L$ = {number(4)(claim['log_ratio'])}, $RI$ = {percent(claim['relative_improvement'])}",
        "interval": f"standard error {claim['se']:.4f}, {claim['df']:.1f} degrees of freedom:"
        f" {low} to {high}",
        "is a gain shown, or a loss?": f"p = {probability(claim['p'])}; adjusted over"
        f" {claim['family_size']:.0f} claims {probability(claim['holm_p'])}, to be at most 0.05",
        "is the claimed size excluded?": f"adjusted one-sided p ="
        f" {probability(claim['holm_p_not'])}, to be at most 0.05",
        "verdict": f"**{claim['verdict']}**{grade}",
    }
    return rows_of("| step | result |", *(f"| {name} | {text} |" for name, text in steps.items()))


def changelog() -> str:
    """Return the changelog below its title."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    return text.partition("\n")[2].strip()


def citation() -> str:
    """Return how to cite this study, from ``CITATION.cff``, as BibTeX."""
    facts: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    authors = " and ".join(f"{{{author['name']}}}" for author in facts["authors"])
    fields = {
        "author": f"{{{authors}}}",
        "title": f"{{{facts['title']}}}",
        "version": f"{{{facts['version']}}}",
        "note": f"{{Software, {facts['license']} licence}}",
    }
    lines = [f"  {name:<7} = {value}," for name, value in fields.items()]
    return "\n".join(["```bibtex", "@software{pcrec_reproduced,", *lines, "}", "```"])


def reliability() -> str:
    """List what was done to the study for the tests, and what happens then."""
    with (ROOT / "tests" / "reliability.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            f"| {html.escape(row['case'])} | {html.escape(row['outcome'])} | `{row['test']}` |"
            for row in csv.DictReader(file)
        ]
    return rows_of("| case | what happens | test |", *rows)


PARTS: dict[str, Callable[[], str]] = {
    "alt": front.alternative,
    "answer": front.answer,
    "artifacts": artifacts,
    "benchmarks": benchmarks,
    "changelog": changelog,
    "citation": citation,
    "claims": claims,
    "coverage": front.coverage,
    "edition": front.edition,
    "example": example,
    "findings": front.findings,
    "records": records,
    "reliability": reliability,
    "speed": speed,
}
