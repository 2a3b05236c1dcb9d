"""The command ``try`` from a file to its report, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from datasets_support import strangers_log

from pcrec_core.specs.run import RunSpec
from pcrec_core.study.cli import main
from pcrec_core.study.store import Store

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return strangers_log(tmp_path / "my <i>log.csv")


@pytest.fixture
def call(log: Path, tmp_path: Path, capsys, monkeypatch) -> Call:
    """Call ``try`` with the log: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def called(*words: str) -> tuple[int, str, str]:
        code = main(["try", str(log), "--records", str(tmp_path / "records"), *words])
        return code, *capsys.readouterr()

    return called


QUICK = ("--models", "dnn", "bpr", "--seeds", "3", "--epochs", "2")


def rows_with_cells(tag: Tag) -> bool:
    return tag.name == "tr" and tag.td is not None


@pytest.mark.slow
def test_a_file_gets_its_report_and_a_second_call_trains_nothing(call, tmp_path, trained):
    code, out, err = call(*QUICK, "--gain", "0.1")
    assert code == 0 and "error" not in err and len(trained) == 18
    assert err.count("derived") <= 1  # none within the minute of the first line
    assert "core 5       288 users, 120 items, 9,231 actions" in out
    assert "training     18 runs: base, LE, avg of dnn, bpr, 3 seeds, 2 epochs; about " in out
    assert out.count("answer  ") == 6 and f"report       {tmp_path}/my <i>log-pcrec.html" in out
    assert "\\x" not in out and " % [" in out
    page = BeautifulSoup((tmp_path / "my <i>log-pcrec.html").read_text(), "html.parser")
    assert page.h1.text == "Does PCRec help on my <i>log.csv?"
    assert not page.find_all(["b", "i", "script", "link", "img"])  # nothing of the file is markup
    assert [h.text for h in page.find_all("h2")] == [
        "The answer",
        "The comparisons",
        "How accurate each is",
        "What it cost",
        "How the file was read",
        "The records",
    ]
    verdicts, values, cost, records = page.find_all("table")
    groups = verdicts.find_all("tbody")
    assert [group.find("th", scope="rowgroup").text for group in groups] == ["DNN", "BPR"]
    assert [len(group.find_all(rows_with_cells)) for group in groups] == [3, 3]
    assert {"popularity", "recency", "transitions"} <= {td.text for td in values.find_all("td")}
    assert [len(table.find_all(rows_with_cells)) for table in (cost, records)] == [6, 21]
    assert "text delimited by ';'" in page.pre.text and "user <b>1001" in page.pre.text
    assert all(link["href"].startswith("data:") for link in page.find_all("a"))
    assert call(*QUICK, "--gain", "0.1")[0] == 0
    assert len(trained) == 18 and len(list(Store(tmp_path / "records").all())) == 21


@pytest.mark.slow
def test_hours_pick_seeds_and_epochs_that_stay_for_the_next_call(call, monkeypatch):
    from pcrec_core.study import forecast

    made = []
    monkeypatch.setattr(
        "pcrec_core.study.cli_try.study.run",
        lambda specs, *_, **__: made.append([one for one in specs if isinstance(one, RunSpec)]),
    )
    monkeypatch.setattr("pcrec_core.study.cli_try._write", lambda *_: None)
    for seconds in (36.0, 1.0):
        monkeypatch.setattr(forecast, "rates", lambda *_, s=seconds: {"bpr": s})
        assert call("--models", "bpr", "--hours", "1")[0] == 0
    # 2880 s for peers' epochs of 36 s: 80 are 16 of all five, three seeds of five
    assert [len(runs) for runs in made] == [9, 9]
    assert {run.training.epochs for runs in made for run in runs} == {5}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--models", "bprr"), "unknown model 'bprr'; did you mean 'bpr'?"),
        (("--models", "bpr", "bpr"), "--models names a model twice"),
        (("--gain", "0"), "--gain is a share such as 0.05, not 0.0."),
        (("--gain", "nan"), "--gain is a share such as 0.05, not nan."),
        (("--hours", "1", "--seeds", "3"), "--hours picks seeds and epochs"),
        (("--hours", "1", "--dask", "tcp://a:1"), "--hours measures this machine, and --dask"),
        (("--hours", "0"), "--hours must be above 0"),
        (("--seeds", "0"), "--seeds must be from 1 to 100, not 0."),
        (("--epochs", "0"), "epochs must be 1 or more, not 0."),
        (("--core", "0"), "core must be 1 or more, not 0."),
        (("--core", "1000"), "nobody is left of 9273 rows"),
        (("--sep", ","), "only one column"),
        (("--out", "/dev/null"), "/dev/null is not an ordinary file; give another --out."),
        (("--out", "/proc/report.html"), "/proc cannot be written (No such file or directory)"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_is_trained(call, trained, words, sentence):
    code, _, err = call(*words)
    assert code == 1 and sentence in err and err.count("\n") == 1 and trained == []
