"""The command line: in this process by ``main([...])``, and as a person calls it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from records_support import record_with
from support import without_progress

from pcrec_core import datasets
from pcrec_core.datasets import SOURCES
from pcrec_core.metrics import METRICS
from pcrec_core.paths import ROOT
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import Data
from pcrec_core.study import command_line, defaults, records, splits, train
from pcrec_core.study import run as study
from pcrec_core.study.cli import main
from pcrec_core.study.records import Store
from pcrec_core.training.environment import NO_TRAINING

TINY = shlex.split("train base --dataset synthetic --model bpr --set epochs=1 d=4")
#: The same, as a pair that cooperates.
PAIR = [word.replace("base", "LE") for word in TINY]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch) -> Path:
    """Return the folder of records of a command; all that it writes is below the parent."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(datasets.files.ENVIRONMENT, raising=False)
    return tmp_path / "records"


@pytest.fixture
def call(folder, capsys) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Call ``main`` with the folder of records: exit code, lines of stdout, lines of stderr."""

    def called(*words: str, store: bool = True) -> tuple[int, list[str], list[str]]:
        code = main([*words, *(["--records", str(folder)] if store else [])])
        out, err = capsys.readouterr()
        return code, out.splitlines(), without_progress(err).splitlines()

    return called


def person(*words: str, folder: Path) -> subprocess.CompletedProcess:
    """Call ``python -m pcrec_core`` from the folder's parent, below which it writes."""
    return subprocess.run(
        [sys.executable, "-m", "pcrec_core", *words],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PCREC_CACHE": str(folder.parent)},
    )


def table(text: str) -> list[list[str]]:
    """Split a text into rows, and each row at its bars."""
    return [[cell.strip() for cell in line.split("|", 1)] for line in text.strip().splitlines()]


def refused(lines: list[str]) -> str:
    """Return the one sentence of a refusal."""
    [line] = lines
    assert line.startswith("error: ") and line.endswith(".") and "Traceback" not in line
    return line.removeprefix("error: ")


# --- train, read, show


def test_train_prints_one_metric_per_line_and_the_path_of_the_record(call, folder):
    code, out, err = call(*TINY)
    [path] = [Path(word) for line in out for word in line.split() if word.endswith(".json")]
    record = records.read(path)
    assert code == 0 and err == [] and path.is_relative_to(folder)
    assert record.spec == defaults.base("synthetic", "bpr", epochs=1, d=4)
    printed = dict(line.split() for line in out if re.match(r"(HIT|MRR|NDCG)@", line))
    assert set(printed) == set(METRICS)
    assert printed == {name: f"{record.result['test'][name]:.4f}" for name in METRICS}


def test_a_second_call_reads_and_prints_the_same(call, folder, monkeypatch):
    first = call(*TINY)
    monkeypatch.setattr(train, "train", None)
    assert call(*TINY) == first and first[0] == 0
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1


def test_show_takes_a_path_and_an_identity(call, folder):
    _, trained, _ = call(*TINY)
    [record] = Store(folder).all()
    for word in (str(Store(folder).path(record.name)), record.identity, record.identity[:5]):
        assert call("show", word) == (0, trained, [])


def test_show_prints_the_statistics_of_a_data_set(call, folder):
    made = splits.statistics(Data("synthetic"), Store(folder))
    code, out, _ = call("show", made.identity)
    printed = dict(line.split(maxsplit=1) for line in out)
    assert code == 0
    assert printed["users"] == str(made.result["users"])
    assert printed["name"] == made.name
    # a number per user is not printed
    assert "test_groups" in made.result
    assert not any(line.startswith("test_groups") for line in out)


def test_the_words_make_the_run_they_name(call, folder):
    words = (
        "train LE@30 --dataset synthetic --model sasrec --seed 0 --set epochs=1 d=4 t=9 --set p=0.1"
        " eta=0.002 l2=0.001"
    )
    code, *_ = call(*words.split())
    [record] = Store(folder).all()
    given = {"epochs": 1, "d": 4, "t": 9, "p": 0.1, "eta": 2e-3, "l2": 1e-3}
    assert code == 0
    assert record.spec == defaults.pcrec("synthetic", "sasrec", 30, "entropy", **given)


@pytest.mark.parametrize(
    ("words", "run"),
    [
        ("base sasrec", defaults.base("ml-100k", "sasrec")),
        ("LE dnn", defaults.pcrec("ml-100k", "dnn")),
        ("avg bpr", defaults.pcrec("ml-100k", "bpr", alpha=0)),
        ("base bpr --set core=3", defaults.base(Data("ml-100k", core=3), "bpr")),
    ],
)
def test_options_that_are_not_given_have_the_studys_settings(call, folder, words, run):
    chosen = {"epoch": 3, "peer": 0, "merged": bool(run.cooperation), "valid": {"NDCG@20": 0.0875}}
    result = {"chosen": chosen, "ranks": "1 " * 300 + "7 " * 643}
    result["data"] = {"users": 943, "items": 1349}
    made = {"seconds": {"train": 3.2}, "device": "cpu", "threads": 1}
    made |= {"commit": "c" * 40, "clean": False}
    Store(folder).put(record_with(run, result, made))
    label, *rest = words.split()
    code, out, _ = call("train", label, "--dataset", "ml-100k", "--model", *rest)
    assert code == 0 and any(line.split() == ["name", run.name] for line in out)
    assert f"again     {command_line.command(run)}" in out
    text = "\n".join(out)
    assert all(part in text for part in ("not clean", "943 users", "0.0875"))
    assert re.search(r"^HIT@5 +0\.3181$", text, re.M)


def test_a_record_that_no_label_means_is_shown_without_a_command(call, folder):
    pair = tuple(defaults.pcrec("synthetic", "bpr", seed=seed, epochs=1, d=4) for seed in (0, 1))
    [record] = study.run([Derived("ensemble", pair)], store=Store(folder))
    code, out, err = call("show", str(Store(folder).path(record.name)))
    assert (code, err) == (0, [])
    assert any(
        line.startswith("again     Python's API, since no label of the study") for line in out
    )


def test_a_person_trains_reads_and_shows(folder):
    first, second = (person(*TINY, "--records", str(folder), folder=folder) for _ in range(2))
    [record] = Store(folder).all()
    shown = person("show", record.identity, "--records", str(folder), folder=folder)
    assert re.fullmatch(rf"run 1 of 1: {record.name}, 0 of 1 epochs\n", first.stderr)
    assert second.stderr == shown.stderr == ""
    for done in (first, second, shown):
        assert (done.returncode, done.stdout) == (0, first.stdout)
    assert "NDCG@20" in first.stdout and str(Store(folder).path(record.name)) in first.stdout


def test_a_person_gets_one_sentence_and_exit_code_1(folder):
    for words, sentence in (
        (["show", "nothing.json"], "there is no record at nothing.json."),
        ([*TINY, "protocol=papr"], "did you mean 'paper'"),
    ):
        done = person(*words, folder=folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert sentence in refused(done.stderr.splitlines())


# --- data


def places(out: list[str]) -> dict[str, str]:
    """Return where each file is, from the lines with its size and address."""
    found = (re.match(r"\s+(\S+), (?:[\d.]+ MB|by hand): (.*); https://", line) for line in out)
    return dict(match.groups() for match in found if match)


def test_data_lists_every_source_and_what_is_on_disk(call, tmp_path, monkeypatch):
    code, out, err = call("data", store=False)
    assert (code, err) == (0, [])
    assert [line.split()[0] for line in out if not line.startswith(" ")] == list(SOURCES)
    assert set(SOURCES) >= {"ml-100k", "ml-1m", "retailrocket", "retailrocket-half", "csv"}
    assert "synthetic" in SOURCES
    expected = {file.name: "not on disk" for source in SOURCES.values() for file in source.files}
    assert places(out) == expected
    for source in SOURCES.values():
        assert any(source.terms in line and source.citation in line for line in out)

    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "ml-1m.txt").write_text("1 1\n")
    datasets.files.cache().mkdir(parents=True)
    (datasets.files.cache() / "ml-100k-u.data").write_text("1\t1\t1\t1\n")
    monkeypatch.setenv("PCREC_DATA", str(tmp_path / "raw"))
    _, out, _ = call("data", store=False)
    assert places(out) == expected | {"ml-1m.txt": "in PCREC_DATA", "ml-100k-u.data": "cached"}


def test_data_of_a_folder_that_is_none_is_refused(call, monkeypatch):
    monkeypatch.setenv("PCREC_DATA", "nowhere")
    code, _, err = call("data", store=False)
    assert code == 1 and "PCREC_DATA is 'nowhere', which is not a folder" in refused(err)


# --- typos and refusals: exit code 1, one sentence, nothing written

TYPOS = table("""
    --model bprr                              | bpr
    PAIR --model sasrek                       | sasrec
    --model SASRec                            | sasrec
    --dataset synthetik                       | synthetic
    --dataset ml100k                          | ml-100k
    --dataset synthetik --columns user,item   | synthetic
    --set protocol=controled                  | controlled
    --set protocol=realeased                  | released
    --set critrion=l1                         | criterion
    --set ordr=once                           | order
    --set schedule=cosin                      | cosine
    --set peers=2 orders=sane                 | same
    PAIR --set criterion=entropi              | entropy
    PAIR --set criterion=L1                   | l1
""")


def words_of(text: str) -> list[str]:
    """Return the words of a command: those after ``TINY``, or after ``PAIR`` where it is named."""
    words = text.split()
    return [*PAIR, *words[1:]] if words[:1] == ["PAIR"] else [*TINY, *words]


@pytest.mark.parametrize(("words", "nearest"), TYPOS)
def test_a_typo_is_answered_with_the_nearest_name(call, folder, words, nearest):
    code, out, err = call(*words_of(words))
    assert (code, out) == (1, []) and not folder.exists()
    assert re.match(rf"unknown [a-z ]+ '.*'; did you mean '{nearest}'\? Known: ", refused(err))


REFUSED = table("""
--set mean              | --set takes NAME=VALUE, such as epochs=5, not 'mean'.
--set mean=all          | option mean has no meaning for this run; leave it as in protocol \
'controlled'.
--set d=4               | --set has 'd' twice; give each once.
--set alpha=30 every=2  | alpha and every have a meaning only for models that exchange weights, \
such as LE.
--set gamma=1           | gamma has a meaning only for models that exchange weights, such as LE.
PAIR --set gamma=1      | gamma belongs to the rule 'parameterwise', and is 0 or more.
PAIR --set alpha=0      | alpha must be above 0 and at most 1e12, not 0.0; for alpha = 0 use the \
rule 'averaging'.
PAIR --set every=0      | every must be 1 or more, not 0.
PAIR --set every=2      | cooperation every 2 epochs never happens in 1 epochs.
PAIR --set components=embedding | BPR has no component but its embeddings: leave components out.
--set t=9               | t (sequence length) belongs to sasrec and dnn: give it there, and leave \
it out for bpr.
--set p=0.1             | p (dropout) belongs to sasrec: give it there, and leave it out \
for dnn and bpr.
--set eta=nan           | eta must be a finite number, not nan.
--set eta=0             | eta (learning rate) must be above 0, not 0.0.
--set batch=many        | batch must be an int, not 'many'.
--set batch=2.5         | batch must be an int, not 2.5.
--set core=0            | core must be 1 or more, not 0.
--set peers=0           | peers must be 1 or more, not 0.
--set peers=1000000     | peers must be at most 100, not 1000000.
--set l2=1e30           | l2 must be from 0 to 1e6, not 1e+30.
--seed -1               | seed must be 0 or more, not -1.
--seed 1 2 1            | --seed has 1 twice; give each once.
--csv my.csv            | --csv belongs to --dataset csv, not to synthetic.
--columns a,b --no-header | --columns and --header belong to --dataset csv, not to synthetic.
--date-format %Y        | --date-format belongs to --dataset csv, not to synthetic.
--dataset csv           | --dataset csv needs the file: --csv FILE.
--dataset csv --csv nowhere.csv             | nowhere.csv cannot be read (No such file or directory)
--dataset csv --csv x --columns a           | columns names two or three columns
--device gpu            | device must be auto, cpu or cuda, not 'gpu'.
--threads 0             | threads must be from 1 to 1024, not 0.
--threads 100000        | threads must be from 1 to 1024, not 100000.
--set batch=99999999999999999999 | batch must be at most 10**9, not 99999999999999999999.
--set core=1000         | synthetic with core=1000: nobody is left
--set eta=1e30          | the training diverged; lower the learning rate.
--set eta=1e9           | the training diverged; lower the learning rate.
""")


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_what_cannot_be_is_answered_in_one_sentence(call, folder, words, sentence):
    code, out, err = call(*words_of(words))
    assert (code, out) == (1, []) and sentence in refused(err)
    assert not folder.exists() or not any(path.is_file() for path in folder.rglob("*"))


def test_ctrl_c_outside_a_training_is_one_sentence(call, monkeypatch):
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    splits.split_of.cache_clear()
    monkeypatch.setattr(datasets, "load", pressed)
    code, out, err = call(*TINY)
    assert (code, out) == (130, [])
    assert refused(err) == (
        "interrupted; what is finished is stored, and the same command goes on with the rest."
    )


def test_records_that_cannot_be_written_are_reported(call, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = call(*TINY, "--records", str(tmp_path / "file"), store=False)
    sentence = "make its place free, or name another folder (--records, --out or PCREC_CACHE), and"
    assert code == 1 and sentence in refused(err)


@pytest.mark.parametrize(
    ("word", "sentence"),
    table("""
abcdef       | 0 records in
ab           | 'ab' is too short to name a record; give a path, a name, or 4 or more digits of its \
identity.
nothing.json | there is no record at nothing.json.
.            | cannot be read (Is a directory); give the file of a record.
"""),
)
def test_show_refuses_what_names_no_record(call, word, sentence):
    code, out, err = call("show", word)
    assert (code, out) == (1, []) and sentence in refused(err)


def test_show_and_train_report_a_changed_digit(call, folder):
    call(*TINY)
    [path] = folder.rglob("*.json")
    path.write_text(re.sub(r'"users":2', '"users":3', path.read_text()))
    for words in (["show", str(path)], TINY):
        code, out, err = call(*words)
        assert (code, out) == (1, [])
        assert "was changed: its result does not match its hash" in refused(err)


def test_where_training_is_forbidden_the_command_is_named(call, monkeypatch):
    monkeypatch.setenv(NO_TRAINING, "1")
    code, out, err = call("train", "LE", "--dataset", "ml-100k", "--model", "sasrec")
    [line] = err
    run = defaults.pcrec("ml-100k", "sasrec")
    assert (code, out) == (1, []) and run.name in line and line.endswith(command_line.command(run))


WRONG = table("""
                      | required: data | try | train | study | show | notebook
trian                 | invalid choice: 'trian' (choose from
show                  | required: PATH|NAME|IDENTITY
train base --model bpr | arguments are required: --dataset
train --dataset synthetic --model bpr | arguments are required: LABEL
train bse LE --dataset synthetic --model bpr | unknown variant 'bse'; did you mean 'base'?
train SD SD --dataset synthetic --model bpr | LABEL has SD twice; give each once.
train half --dataset synthetic --model bpr --set schedule=constant gamma=1 | gamma has a meaning
train base-constant --dataset synthetic --model bpr --set schedule=cosine | schedule=cosine has no \
effect on base-constant; leave it out.
train recency --dataset synthetic --model bpr --set d=3 | d=3 has no effect on recency; leave
TINY --sett d=3       | unknown option '--sett'; did you mean '--set'?
TINY --seeds 3        | unknown option '--seeds'; did you mean '--seed'?
study --seed 3        | unknown option '--seed'; did you mean '--seeds'?
study fig1 fig1       | NAME has fig1 twice; give each once.
study --seeds 0       | seeds must be from 1 to 100, not 0.
study --seeds 9999999 | seeds must be from 1 to 100, not 9999999.
TINY --records ~nobody-of-this-name/x | '~nobody-of-this-name/x' cannot be used as a path (
TINY --seed zero      | argument --seed: invalid int value: 'zero'
TINY --seed           | argument --seed: expected at least one argument
TINY --set            | argument --set: expected at least one argument
""")


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_is_no_command_ends_with_a_sentence_too(capsys, folder, words, sentence):
    assert main(words.replace("TINY", " ".join(TINY)).split()) == 1
    out, err = capsys.readouterr()
    assert out == "" and sentence in refused(err.splitlines())
    assert not folder.exists()


# --- a csv of one's own


def write_csv(path: Path, columns: str = "user,item,time", last: str = "8") -> Path:
    """Write twelve users, each eight of ten items, ids text; ``last`` is the last line's time."""
    rows = [f"anna-{user},item {(user + 3 * k) % 10},{k}" for user in range(12) for k in range(8)]
    rows[-1] = rows[-1].rpartition(",")[0] + f",{last}"
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


OWN = shlex.split("train base --dataset csv --model bpr --set epochs=1 d=4 core=2")


def test_a_csv_is_trained_on_and_read_again_wherever_it_lies(call, folder, tmp_path, monkeypatch):
    first = call(*OWN, "--csv", str(write_csv(tmp_path / "my own.csv")))
    [record] = Store(folder).all()
    data, key = record.result["data"], record.key["data"]
    assert (first[0], data["users"], data["items"]) == (0, 12, 10)
    assert (key["columns"], key["core"]) == (["user", "item", "time"], 2)
    monkeypatch.setattr(train, "train", None)
    assert call(*OWN, "--csv", str(write_csv(tmp_path / "moved.csv"))) == first


def test_the_columns_of_a_csv_are_named(call, folder, tmp_path):
    path = write_csv(tmp_path / "a.csv", columns="who is it,what,when")
    for columns in ("who is it,what,when", "who is it, what"):
        assert call(*OWN, "--csv", str(path), "--columns", columns)[0] == 0
    found = sorted(record.key["data"]["columns"] for record in Store(folder).all())
    assert found == [["who is it", "what"], ["who is it", "what", "when"]]


@pytest.mark.parametrize(
    ("last", "sentence"),
    table("""
late | : 1 of 96 rows is bad: time that is neither a number nor an ISO date in line 97:
     | : 1 of 96 rows is bad: no time in line 97:
nan  | : 1 of 96 rows is bad: no time in line 97:
8,9  | : 1 of 96 rows is bad: 4 fields instead of 3 in line 97:
usr  | : no column of users is recognised among 'usr', 'item', 'time': name the columns
"""),
)
def test_a_malformed_csv_is_reported_with_its_line(call, folder, tmp_path, last, sentence):
    columns, last = ("usr,item,time", "8") if last == "usr" else ("user,item,time", last)
    code, out, err = call(*OWN, "--csv", str(write_csv(tmp_path / "a.csv", columns, last)))
    assert (code, out) == (1, []) and f"a.csv{sentence}" in refused(err)
    assert not any(folder.rglob("*.json"))
