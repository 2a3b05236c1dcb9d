"""The parts of the front page that are computed from the records, and its figure."""

from __future__ import annotations

import datetime
import os
from functools import cache
from pathlib import Path

import pandas as pd
import yaml

from pcrec_core.analysis import comparisons, cost
from pcrec_core.analysis.claims import evidence, ladder
from pcrec_core.analysis.claims.planned_records import reader
from pcrec_core.metrics import PRIMARY
from pcrec_core.paths import ROOT
from pcrec_core.reporting import findings as found
from pcrec_core.reporting import summary
from pcrec_core.reporting.cost_formats import format_modes
from pcrec_core.reporting.figures import headline
from pcrec_core.reporting.figures.cost import cost_bars
from pcrec_core.reporting.names import MODELS
from pcrec_core.reporting.page import Study
from pcrec_core.study import defaults
from pcrec_core.study.records import Store

#: Where every model and every ranking without a model has runs.
_DATASETS = ("retailrocket-half", "ml-100k")
#: The released code of the paper's authors; the paper itself gives no address.
AUTHORS_CODE = "https://github.com/anonymouskdd2021/PeerCollaboration"


@cache
def decided() -> pd.DataFrame:
    """Decide every claim by the committed records, once per build."""
    return evidence.decided(Store())


def draw_figures(folder: Path) -> None:
    """Draw the figures of pages that are no notebooks into a folder, as SVG."""
    figures = {
        "headline": headline.headline(summary.gains(decided())),
        "benchmarks": cost_bars(cost.measured("benchmarks")),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def edition() -> str:
    """Return version, date of the build, and where code, data, records and citation are."""
    version = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"]
    built = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    day = datetime.date.fromtimestamp(built) if built else datetime.date.today()
    server, name = (os.environ.get(f"GITHUB_{part}", "") for part in ("SERVER_URL", "REPOSITORY"))
    code = f"{server}/{name}" if server and name else "rerun.md"
    return (
        f"Version {version}, built {day:%Y-%m-%d} · [Code]({code}) · [Data](data.md) ·"
        f" [Records](records.md) · [Cite](citing.md) · [Authors' code]({AUTHORS_CODE})"
    )


def answer() -> str:
    """Return the answer to the question of the study."""
    return summary.answer(decided())


def alternative() -> str:
    """Return the text in place of the headline figure, one sentence per model and data set."""
    rows = summary.gains(decided())
    return f":alt: Gain of PCRec over its base in {PRIMARY}. {' '.join(summary.one_by_one(rows))}"


def findings() -> str:
    """List the findings, one line each, with the page that has the evidence."""
    store = Study(tuple(map(defaults.dataset, _DATASETS)), tuple(MODELS))
    values = comparisons.values([*store.trivial(), *store.runs("base")], ["MRR@5", "HIT@20"])
    lines = found.findings(decided(), _released(), values, format_modes(cost.measured("modes")))
    return "\n".join(
        f"- **{line.question}** {line.answer} [Evidence](../notebooks/{line.page}.ipynb)"
        for line in lines
    )


def _released() -> str:
    """State what the released code adds, by the ladder or, without its runs, by its schedule."""
    study = Study((defaults.dataset("retailrocket-half"),), ("sasrec", "dnn"))
    arms = study.runs("LE", "base", "base-constant")
    return found.released(ladder.climbed(reader(Store())), found.schedule_alone(arms.groups))


def coverage() -> str:
    """Return how many claims were confronted, and how each fared."""
    return summary.coverage(decided())
