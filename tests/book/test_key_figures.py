"""The key figures on the pages are those of the records, computed here from the ranks alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup

from pcrec_core import paths
from pcrec_core.study.plans import planned

#: Data set, model (or ranking without one), and number of peers.
ARMS = [
    (dataset, model, peers)
    for dataset in ("ml-100k", "retailrocket-half")
    for model, peers in (
        *((model, peers) for model in ("sasrec", "dnn", "bpr") for peers in (1, 2)),
        ("popularity", None),
        ("recency", None),
    )
]
#: Runs per arm, where they are not three.
RUNS = {("retailrocket-half", "dnn"): 10, ("retailrocket-half", "bpr"): 10}


def mrr_at_5(dataset: str, model: str, peers: int | None, seeds: range = range(100)) -> float:
    """Average 1 / rank within the first five over users, then over the runs of Table 3."""
    means = []
    for spec in planned(["table3"], [dataset], RUNS.get((dataset, model), 3)):
        named = model in spec.name.partition("/")[2] if peers is None else spec.model.name == model
        wanted = spec.data.histories == "ordered" and spec.seed in seeds
        if not (named and wanted and getattr(spec, "peers", None) == peers):
            continue
        record = json.loads((paths.records() / f"{spec.name}.json").read_text(encoding="utf-8"))
        ranks = np.array(record["result"]["ranks"].split(), dtype=float)
        means.append(np.where(ranks <= 5, 1 / ranks, 0).mean())
    assert means
    return float(np.mean(means))


@pytest.fixture(scope="module")
def cells(html: Path) -> str:
    page = BeautifulSoup((html / "notebooks" / "table3.html").read_text("utf-8"), "html.parser")
    return "\n".join(cell.get_text() for cell in page.find_all("td"))


@pytest.mark.parametrize(("dataset", "model", "peers"), ARMS)
def test_a_mean_of_table_3_is_that_of_the_ranks(
    cells: str, dataset: str, model: str, peers: int | None
) -> None:
    assert f"{mrr_at_5(dataset, model, peers):.4f}" in cells


def test_the_figures_of_the_first_look_have_not_changed() -> None:
    quoted = {
        "recency": (None, 0.2035),
        "sasrec": (1, 0.1471),
        "dnn": (1, 0.1397),
        "bpr": (1, 0.1375),
    }
    found = {
        model: mrr_at_5("retailrocket-half", model, peers, range(3))
        for model, (peers, _) in quoted.items()
    }
    assert found == pytest.approx({model: mrr for model, (_, mrr) in quoted.items()}, abs=5e-5)
