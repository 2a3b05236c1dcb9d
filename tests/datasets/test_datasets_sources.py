"""The registry, the synthetic source, and the statistics of Table 1."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from datasets_support import PLAIN, table

from pcrec_core import datasets
from pcrec_core.datasets.interactions import build
from pcrec_core.datasets.sources import ManualFile
from pcrec_core.datasets.split import split
from pcrec_core.datasets.statistics import statistics
from pcrec_core.errors import DataError
from pcrec_core.paths import ROOT
from pcrec_core.specs.run import Data


def test_every_source_has_a_title_and_its_files():
    names = """
        ml-100k ml-1m ml-20m beauty video-games
        retailrocket retailrocket-half retailrocket-first-half retailrocket-events csv synthetic
    """
    assert list(datasets.SOURCES) == names.split()
    for name, source in datasets.SOURCES.items():
        assert source.name == name and source.title
        assert bool(source.files) == (name not in ("csv", "synthetic"))
        assert not source.files or (source.terms and source.citation)
        for file in source.files:
            if isinstance(file, ManualFile):
                assert file.name and file.original and file.page.startswith("https://")
                continue
            assert len(file.sha256) == 64 and file.bytes > 0 and len(set(file.urls)) >= 2
            assert all(url.startswith("https://") for url in file.urls)


def test_an_unknown_source_names_the_nearest():
    with pytest.raises(DataError, match="unknown data set 'ml-100'; did you mean 'ml-100k'"):
        datasets.load(Data("ml-100"))


def test_reading_data_needs_no_torch():
    code = (
        "import sys, pcrec_core.datasets.statistics as s;"
        " print('torch' in sys.modules, s.statistics.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False statistics\n"


@pytest.fixture(scope="module")
def synthetic():
    return datasets.load(Data("synthetic"))


def test_synthetic_is_the_same_everywhere(synthetic):
    raw = datasets.source("synthetic").read(())
    columns = (raw.users, raw.items, raw.times)
    content = b"".join(np.ascontiguousarray(column, "<i8").tobytes() for column in columns)
    expected = "11be6158074bf0371d72f08a65a6eed0d63eb3c5424773ac33b1fed47a6d6cc2"
    assert hashlib.sha256(content).hexdigest() == expected
    expected = "d7a1a3bd1584614567a0a62183ba250fcb4dee2987227575711e455e636a0acc"
    assert split(synthetic).fingerprint() == expected


def test_synthetic_keeps_most_of_itself_in_the_core(synthetic):
    assert (synthetic.counts["users_read"], synthetic.counts["items_read"]) == (300, 120)
    assert synthetic.n_users >= 280 and synthetic.n_items == 120
    assert len(synthetic.items) > 0.99 * synthetic.counts["rows_read"]


def test_synthetic_items_predict_the_next_one_and_popularity_does_not(synthetic):
    data = split(synthetic)
    pairs = data.sequences(200)
    before, after = pairs[:, :-1], pairs[:, 1:]
    counts = np.zeros((data.n_items + 1, data.n_items + 1))
    np.add.at(counts, (before[before > 0], after[before > 0]), 1)
    follows = counts[data.histories(2, "test")[:, 0]].argmax(axis=1) == data.targets("test")
    most_popular = data.popularity().argmax() == data.targets("test")
    assert follows.mean() > 0.45 and most_popular.mean() < 0.1


def test_synthetic_has_skew_tastes_repeats_and_ties(synthetic):
    data = split(synthetic)
    popularity = np.sort(data.popularity()[1:])
    assert popularity[-12:].sum() > 3 * popularity[:12].sum()  # a tenth of the items each
    # The raw item is 5001 + 4 * chain + step, and every third chain is of one cluster.
    clusters = (synthetic.item_names[synthetic.items - 1] - 5001) // 4 % 3
    users = np.repeat(np.arange(data.n_users), np.diff(data.offsets))
    own = clusters == ((synthetic.user_names - 1001) % 3)[users]
    assert own.mean() > 0.5
    assert 0.05 < data.repeated("test").mean() < 0.3
    assert 0.05 < statistics(synthetic)["tie_share"] < 0.2


ROWS = [(1, 7, 1), (1, 8, 2), (1, 9, 3), (1, 8, 3), (2, 7, 1), (2, 7, 2), (2, 7, 3), (3, 7, 5)]


def test_statistics_by_hand():
    source = dataclasses.replace(PLAIN, name="hand")
    found = statistics(build(table(ROWS, timed=True), source, core=1))
    # User 3 has too few actions. Test targets are 8 and 7, both seen before; validation targets
    # are 9, which is new, and 7, seen before.
    fingerprint, counts = found.pop("fingerprint"), found.pop("counts")
    assert found == {
        "source": "hand",
        "core": 1,
        "users": 2,
        "items": 3,
        "actions": 7,
        "actions_per_user_mean": 3.5,
        "actions_per_user_median": 3.5,
        "density": 7 / 6,
        "repeats": True,
        "tie_share": 0.5,
        "repeat_share_valid": 0.5,
        "repeat_share_test": 1.0,
        "test_groups": "0 1",
    }
    assert counts["users_short"] == 1 and counts["rows"] == 7 and len(fingerprint) == 64


def test_statistics_are_json_and_know_no_ties_without_times(synthetic):
    untimed = statistics(build(table([row[:2] for row in ROWS]), PLAIN, core=1))
    assert untimed["tie_share"] is None
    for found in (untimed, statistics(synthetic)):
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_readme_of_data_names_every_file_with_its_checksum_and_an_address():
    text = (ROOT / "data" / "README.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    files = {file.name: file for source in datasets.SOURCES.values() for file in source.files}
    assert len(lines) == len(files)
    for line in lines:
        name, users, address, known = (cell.strip() for cell in line.strip("|").split("|"))
        file = files[name.strip("`")]
        names = [source.name for source in datasets.SOURCES.values() if file in source.files]
        assert users == ", ".join(f"`{name}`" for name in names)
        if isinstance(file, ManualFile):
            assert f"({file.page})" in address and "rows" in known
        else:
            assert any(f"({url})" in address for url in file.urls) and known == f"`{file.sha256}`"
