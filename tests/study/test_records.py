"""Records: written whole or not at all, read back verified, compared only where they can be."""

from __future__ import annotations

import dataclasses
import json
import os
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from records_support import means, record_with

from pcrec_core import paths
from pcrec_core.errors import FileError, NewerRecord, RecordError
from pcrec_core.specs import run as specs
from pcrec_core.specs.derived import Derived
from pcrec_core.specs.run import Data, RunSpec
from pcrec_core.specs.trivial import Trivial
from pcrec_core.study import defaults, records
from pcrec_core.study.records import (
    DerivedRecord,
    ModelRecord,
    Record,
    RunRecord,
    StatisticsRecord,
    Store,
    TrivialRecord,
    of_kind,
    ranks_of,
    read,
    same_users,
)

SPEC = defaults.base("synthetic", "bpr", epochs=2)
RESULT = {
    "ranks": "1 12 2",
    "repeated": "010",
    "data": {"fingerprint": "ab12", "users": 3, "items": 20},
}
RUN = {"commit": "0" * 40, "clean": True, "seconds": {"train": 1.25}}


def record_of(run: RunSpec = SPEC, **change) -> Record:
    return record_with(run, RESULT | change, RUN)


@pytest.fixture
def path(store: Store) -> Path:
    return store.put(record_of())


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# --- written and read


def test_a_record_comes_back_as_it_was(store):
    assert store.get(SPEC.name) is None
    path = store.put(record_of())
    assert path == store.folder / "synthetic" / f"bpr-base-s0-{SPEC.identity}.json"
    assert store.get(SPEC.name) == read(path) == record_of()
    assert files(store.folder) == [path]


def test_its_spec_is_whole(path):
    found = read(path)
    assert (found.kind, found.name, found.identity) == ("run", SPEC.name, SPEC.identity)
    assert type(found) is RunRecord and found.spec == SPEC and found.key == SPEC.canonical()


@pytest.mark.parametrize(
    ("spec", "cls"),
    [
        (SPEC, RunRecord),
        (Derived("probed", (SPEC,)), DerivedRecord),
        (Trivial(Data("ml-100k"), "recency"), TrivialRecord),
    ],
)
def test_each_kind_has_a_class_and_only_a_trained_run_counts_as_one(store, spec, cls):
    record = store.of_spec(store.put(record_with(spec)) and spec)
    assert type(record) is cls and record.spec == spec
    if cls is RunRecord:
        assert of_kind(record, RunRecord) is record
    else:
        sentence = f"{spec.name} is a record of kind '{cls.kind}', not a trained run"
        with pytest.raises(RecordError, match=sentence):
            of_kind(record, RunRecord)


def test_the_statistics_of_a_data_set_are_no_result_of_a_model(store):
    name = records.statistics_name(Data("synthetic"))
    store.put(dataclasses.replace(Store().get(name), sealed=True))
    assert type(store.get(name)) is StatisticsRecord
    with pytest.raises(RecordError, match="of kind 'statistics', not the result of a model"):
        of_kind(store.get(name), ModelRecord)


def test_ranks_and_repeat_flags_are_by_user(path):
    found = read(path).outcome
    np.testing.assert_array_equal(found.chosen_ranks, [1, 12, 2])
    np.testing.assert_array_equal(found.repeated, [False, True, False])
    assert found.chosen_ranks.dtype == np.int64 and found.repeated.dtype == bool


def test_the_text_is_the_same_whatever_the_order_of_the_keys():
    def backwards(value):
        if not isinstance(value, dict):
            return value
        return {k: backwards(v) for k, v in reversed(value.items())}

    one = record_of()
    other = RunRecord(one.name, *map(backwards, (one.key, one.result, one.run)))
    assert other.to_json() == one.to_json() and list(other.result) != list(one.result)


def test_the_hash_in_the_file_is_that_of_the_canonical_result(path):
    parts = json.loads(path.read_text())
    assert set(parts) == {"schema", "kind", "name", "key", "result", "result_sha256", "run", "seal"}
    result = record_of().result
    turned = dict(reversed(result.items()))
    assert parts["result_sha256"] == records.digest(result) == records.digest(turned)


# --- whole or not at all


def test_the_file_is_made_beside_and_then_renamed(store, monkeypatch):
    moves, replace = [], os.replace

    def watched(source, target):
        moves.append((Path(source), Path(target)))
        assert json.loads(Path(source).read_text())["name"] == SPEC.name
        assert not Path(target).exists()
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    path = store.put(record_of())
    [(source, target)] = moves
    assert target == path and source.parent == path.parent and source.suffix == ".tmp"


def fails(error: BaseException):
    def boom(*args, **kwargs):
        raise error

    return boom


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")]
)
def test_nothing_is_left_where_the_rename_fails(store, monkeypatch, error):
    monkeypatch.setattr(os, "replace", fails(error))
    file = rf"bpr-base-s0-{SPEC.identity}\.json"
    with pytest.raises(FileError, match=rf"{file} cannot be written \({error.strerror}\)"):
        store.put(record_of())
    assert files(store.folder) == [] and store.get(SPEC.name) is None


def test_nothing_is_left_where_it_is_interrupted(store, monkeypatch):
    monkeypatch.setattr(os, "replace", fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        store.put(record_of())
    assert files(store.folder) == []


def test_the_record_of_before_stays_where_writing_the_next_fails(store, path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", fails(OSError(28, "No space left on device")))
    with pytest.raises(FileError):
        store.put(record_of(ranks="3 3 3"))
    assert path.read_bytes() == before and files(store.folder) == [path]


def test_a_folder_that_is_a_file_is_refused_in_a_sentence(path):
    sentence = "cannot be written .*; make its place free, or name another folder"
    with pytest.raises(FileError, match=sentence):
        Store(path).put(record_of())


def test_a_result_that_is_no_number_is_not_written(store):
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.put(record_of(test={"HIT@5": float("nan")}))
    assert files(store.folder) == []


# --- damage is noticed


def line_of(text: str, part: str) -> tuple[int, int]:
    start = text.index(f'"{part}":')
    return start, text.index("\n", start)


def unsealed(path: Path) -> Path:
    """Write the record as the code before the seal did."""
    path.write_text(dataclasses.replace(read(path), sealed=False).to_json())
    return path


def record_or_sentence(path: Path) -> Record | str:
    try:
        return read(path)
    except RecordError as error:
        return str(error)


@pytest.mark.parametrize("sealed", [True, False])
def test_every_flipped_byte_is_refused_by_name_or_has_no_meaning(path, sealed):
    before = read(path if sealed else unsealed(path))
    whole, same, provenance = path.read_bytes(), 0, path.read_bytes().index(b'"run":')
    # the second makes a space of a line's end
    for place, bits in product(range(len(whole)), (1, 0x2A)):
        flipped = bytearray(whole)
        flipped[place] ^= bits
        path.write_bytes(flipped)
        found = record_or_sentence(path)
        if isinstance(found, str):
            assert path.stem in found
        else:
            # only the provenance of a record without a seal can be another
            assert found == before or (not sealed and place > provenance)
            same += found == before
    assert before.sealed == sealed and 0 < same < 30
    path.write_bytes(whole)
    assert read(path) == before


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("result", "was changed: its result does not match its hash"),
        ("result_sha256", "was changed: its result does not match its hash"),
        ("key", "does not match its name"),
    ],
)
def test_a_changed_digit_of_a_record_without_a_seal_is_noticed(path, part, words):
    text = unsealed(path).read_text()
    start, end = line_of(text, part)
    places = [i for i in range(start + len(part) + 3, end) if text[i].isdigit()]
    assert len(places) > 5 and read(path).sealed is False
    for i in places:
        path.write_text(text[:i] + str((int(text[i]) + 1) % 10) + text[i + 1 :])
        # A leading 0 that became another digit may be no JSON (012), or another field's name (l3).
        with pytest.raises(RecordError, match=f"{words}|is not a record"):
            read(path)


def changed(path: Path, part: str, change: dict[str, object]) -> None:
    """Change a part of a record, and give it the hashes that belong to the change."""
    record = read(path)
    values = getattr(record, part) | change
    gone = {name for name, value in change.items() if value is ...}
    values = {name: value for name, value in values.items() if name not in gone}
    path.write_text(dataclasses.replace(record, **{part: values}).to_json())


TEST = means(RESULT["ranks"])


@pytest.mark.parametrize(
    ("part", "change", "field"),
    [
        ("result", {"ranks": "1 12"}, r"ranks has shape \(2,\), not \(3,\)"),
        ("result", {"ranks": "1 12 99"}, "field result.ranks: not all from 1 to the number of"),
        ("result", {"ranks": "0 12 2"}, "field result.ranks: not all from 1 to the number of"),
        ("result", {"ranks": "1 12 two"}, "field result.ranks: invalid literal"),
        ("result", {"ranks": "1 12 " + "9" * 40}, "too large"),
        ("result", {"ranks": ...}, "no field result.ranks"),
        ("result", {"ranks": "1 12 3"}, "field result.test.MRR@20: .*, but the ranks give 0.4722"),
        ("result", {"test": TEST | {"HIT@5": 0.7}}, "field result.test.HIT@5: 0.7, but the ranks"),
        (
            "result",
            {"test": TEST | {"HIT@5": "1"}},
            "field result.test.HIT@5 must be of type",
        ),
        ("result", {"test": {}}, "field result.test: no HIT@20, HIT@5, MRR@20"),
        ("result", {"test": TEST | {"HOT@5": 0.7}}, "unknown metric 'HOT@5'"),
        ("result", {"repeated": "01"}, r"repeated has shape \(2,\), not \(3,\)"),
        ("result", {"data": {"users": 3}}, "no field result.data.fingerprint"),
        ("result", {"chosen": None}, "field result.chosen must be an object, not None"),
        ("run", {"commit": 5}, "field run.commit must be of type str, not 5"),
        ("run", {"clean": 1}, "field run.clean must be of type bool, not 1"),
        ("run", {"threads": True}, "field run.threads must be of type int, not True"),
        (
            "run",
            {"seconds": {"train": "1"}},
            "field run.seconds.train must be of type",
        ),
        ("key", {"seed": 7}, "does not match its name"),
    ],
)
def test_fields_that_do_not_fit_are_named_although_every_hash_is_right(path, part, change, field):
    changed(path, part, change)
    with pytest.raises(RecordError, match=f"{path.stem}.* .*{field}"):
        read(path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("run", f"ml-100k/{Path(SPEC.name).name}"), ("run", "../x"), ("derived", SPEC.name)],
)
def test_a_kind_or_name_that_is_not_the_keys_is_refused(path, kind, name):
    text = dataclasses.replace(read(path), name=name, sealed=False).to_json()
    path.write_text(text.replace('"kind":"run"', f'"kind":"{kind}"'))
    with pytest.raises(RecordError, match=f"{path.name} (does not match its name|is not a record)"):
        read(path)


@pytest.mark.parametrize(
    ("later", "what"), [("schema", r"schema 3, here 2"), ("key", "its key: unknown field")]
)
def test_a_record_of_later_code_is_named_as_such(path, later, what):
    if later == "schema":
        path.write_text(path.read_text().replace('"schema":2', '"schema":3,\n"more":[1]'))
    else:
        changed(path, "key", {"mood": "good"})
    sentence = rf"{path.name} was written by later code \({what}.*; update this code, or move"
    with pytest.raises(NewerRecord, match=sentence):
        read(path)


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_what_is_no_ordinary_file_is_not_waited_for(path, kind):
    path.unlink()
    os.mkfifo(path) if kind == "fifo" else path.symlink_to("/dev/zero")
    with pytest.raises(
        RecordError, match=f"{path} is not an ordinary file; give the file of a record"
    ):
        read(path)


def test_a_changed_digit_is_named_for_what_it_is(path):
    path.write_text(path.read_text().replace("0.66666667", "0.66666668"))
    sentence = rf"{path.name} was changed: its result does not match its hash.* again\.$"
    with pytest.raises(RecordError, match=sentence):
        read(path)


@pytest.mark.parametrize(
    "name", ["bpr-base-s1-{}", "sasrec-base-s0-{}", "{}", "bpr-base-s0-0123456789ab"]
)
def test_a_renamed_file_is_noticed(path, name):
    path = path.rename(path.with_name(name.format(SPEC.identity) + ".json"))
    with pytest.raises(RecordError, match=f"{path.name} does not match its name"):
        read(path)


def test_a_record_with_the_spec_of_another_run_is_noticed(path):
    other = defaults.base("synthetic", "bpr", epochs=3)
    text = unsealed(path).read_text().replace('"epochs":2', '"epochs":3')
    path.write_text(text)
    with pytest.raises(RecordError, match="does not match its name"):
        read(path)
    # the name inside too, but not that of the file
    path.write_text(text.replace(SPEC.identity, other.identity))
    with pytest.raises(RecordError, match="does not match its name"):
        read(path)


def test_a_truncated_file_is_noticed_wherever_it_ends(path):
    text = path.read_text().rstrip("\n")
    for end in range(len(text)):
        path.write_text(text[:end])
        with pytest.raises(
            RecordError, match=r"is not a record .* delete it and train the run again"
        ):
            read(path)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5},
        {"name": "nodash"},
        {"key": None},
        {"key": {}},
        {"result": []},
        {"result": {"test": float("nan")}},
        {"result_sha256": None},
        {"kind": "walk"},
        {"run": None},
        lambda parts: [1],
        lambda parts: {k: v for k, v in parts.items() if k != "run"},
        lambda parts: parts["result"],
    ],
)
def test_json_that_is_no_record_is_refused(path, change):
    parts = json.loads(path.read_text())
    path.write_text(json.dumps(parts | change if isinstance(change, dict) else change(parts)))
    with pytest.raises(RecordError, match=path.name):
        read(path)


def test_bytes_that_are_no_text_and_a_folder_and_nothing_are_refused(path):
    path.write_text("[" * 200_000)
    with pytest.raises(RecordError, match="is not a record"):
        read(path)
    path.write_bytes(bytes(path.stat().st_size))  # as after a cut of the power
    with pytest.raises(RecordError, match=r"is not a record .* delete it and train"):
        read(path)
    path.write_bytes(b"\xff\xfe\x00")
    for wrong, words in (
        (path, "is not a record"),
        (path.parent, "Is a directory"),
        (path.with_name("x-y.json"), "there is no"),
    ):
        with pytest.raises(RecordError, match=words):
            read(wrong)


def test_a_damaged_record_is_never_taken_for_a_missing_one(store, path):
    path.write_text("")
    with pytest.raises(RecordError):
        store.get(SPEC.name)


def test_a_record_of_older_numerics_counts_as_missing_and_is_still_read(store, path, monkeypatch):
    monkeypatch.setitem(specs.NUMERICS, "bpr", specs.NUMERICS["bpr"] + 1)
    now = defaults.base("synthetic", "bpr", epochs=2)
    assert now.name != SPEC.name and store.get(now.name) is None
    assert read(path).spec == SPEC


# --- the store


def test_all_is_recursive_and_ordered_and_passes_over_what_is_being_written(store):
    names = product(("synthetic", "ml-100k"), (1, 0))
    specs = [defaults.base(data, "bpr", seed=seed) for data, seed in names]
    for run in specs:
        store.put(record_of(run))
    (store.folder / "synthetic" / ".bpr-base.json.1.tmp").write_text("{")
    assert [found.name for found in store.all()] == sorted(run.name for run in specs)
    assert list(Store(store.folder / "nowhere").all()) == []


def test_a_notebooks_folder_of_records_may_be_new_unless_the_page_only_reads(tmp_path):
    assert Store.of(str(tmp_path / "new")).folder == tmp_path / "new"
    assert Store.of("", existing=True).folder is None
    (tmp_path / "file").write_text("")
    for folder, existing in (("new", True), ("file", False), ("file", True)):
        sentence = f"there is no folder .*{folder}; records is a folder of records, or empty"
        with pytest.raises(RecordError, match=sentence):
            Store.of(str(tmp_path / folder), existing=existing)


def test_find_takes_the_beginning_of_an_identity(store, path):
    other = store.put(record_of(defaults.base("synthetic", "bpr", epochs=3)))
    short = f"{SPEC.model.name}-{SPEC.variant}-s0-{SPEC.identity[:5]}"
    for name in (SPEC.identity, SPEC.identity[:4], SPEC.name, short):
        assert store.find(name) == path
    assert store.find(read(other).identity[:6]) == other


@pytest.mark.parametrize(
    "identity",
    ["0000", "", SPEC.identity[:3], SPEC.identity + "0", "synthetic", f"ml-1m/le-{SPEC.identity}"],
)
def test_find_refuses_what_names_no_record(store, path, identity):
    sentence = (
        r"(\d records? .*|too short to name a record; )give a path, a name, or 4 or more digits"
    )
    with pytest.raises(RecordError, match=sentence):
        store.find(identity)


def test_find_refuses_what_names_two(store, path):
    (path.parent / f"twin-{SPEC.identity}.json").write_text("{}")
    with pytest.raises(RecordError, match=f"2 records in .* are named '{SPEC.identity}'"):
        store.find(SPEC.identity)


def test_the_default_store_is_the_committed_one_in_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [first, *_] = Store().all()
    committed = Path(paths.__file__).parents[1] / "data" / "records"
    assert Store().path(first.name).is_relative_to(committed)


def test_a_new_record_goes_to_the_readers_own_folder(tmp_path, monkeypatch):
    (tmp_path / "data" / "paper").mkdir(parents=True)
    monkeypatch.setenv(paths.HOME, str(tmp_path))
    record, folder = record_of(), tmp_path / "data" / "records"
    committed, own = (there / f"{SPEC.name}.json" for there in (folder, tmp_path / "records"))
    Store(folder).put(record)
    assert Store().path(SPEC.name) == committed and not own.exists()
    other = "synthetic/bpr-base-s9-0123456789ab"
    assert Store().path(other) == tmp_path / "records" / f"{other}.json"
    committed.rename(tmp_path / "away.json")
    assert Store().put(record) == own and Store().get(SPEC.name) == record
    assert Store().find(SPEC.identity) == Store().find(SPEC.name) == own
    # the study shows what was committed
    assert list(Store().all()) == [] and Store().readable() == ([record], [])
    # a reader's record was committed later
    Store(folder).put(record)
    assert Store().find(SPEC.name) == Store().find(SPEC.identity) == committed
    assert Store().readable() == ([record], []) and own.exists()


# --- what can be compared


def seeds(n: int, **given) -> list[Record]:
    return [
        record_of(defaults.pcrec("synthetic", "bpr", seed=s, **given), ranks=f"{s + 1} 2 3")
        for s in range(n)
    ]


def test_ranks_of_an_arm_are_runs_by_users():
    found = ranks_of(seeds(3), "MRR@5")
    np.testing.assert_array_equal(found, [[1, 2, 3], [2, 2, 3], [3, 2, 3]])
    assert found.dtype == np.int64


def other_data(record: Record, fingerprint: str) -> Record:
    data = record.result["data"] | {"fingerprint": fingerprint}
    return dataclasses.replace(record, result=record.result | {"data": data})


@pytest.mark.parametrize(
    "others",
    [
        lambda: seeds(2, alpha=10)[1:],
        lambda: seeds(2, epochs=3)[1:],
        lambda: seeds(2, criterion="l1")[1:],
        lambda: seeds(2, alpha=0)[1:],
        lambda: [record_of(defaults.base("synthetic", "bpr", seed=1))],
        lambda: [record_of(defaults.pcrec("synthetic", "dnn", seed=1))],
        lambda: [record_of(defaults.pcrec(Data("synthetic", core=4), "bpr", seed=1))],
        lambda: [record_of(dataclasses.replace(seeds(2)[1].spec, numerics=9))],
        # the same seed twice
        lambda: seeds(1),
    ],
)
def test_ranks_of_refuses_runs_that_differ_in_more_than_the_seed(others):
    with pytest.raises(
        RecordError, match=r"are not replicates: they must differ only in the seed\.$"
    ):
        ranks_of(seeds(1) + others(), "MRR@5")


def test_ranks_of_refuses_nothing_at_all():
    with pytest.raises(RecordError, match="are not replicates"):
        ranks_of([], "MRR@5")


def test_ranks_of_other_data_are_refused_by_name():
    one, other = seeds(2)
    other = other_data(other, "cd34")
    for compare in (partial(ranks_of, metric="MRR@5"), same_users):
        sentence = f"^{one.name} and {other.name} differ in data or protocol"
        with pytest.raises(RecordError, match=sentence):
            compare([one, other])


def test_same_users_takes_other_models_but_no_other_protocol():
    base, pair = record_of(), seeds(1)[0]
    assert same_users([base, pair]) is None
    sentence = "differ in data or protocol: their users cannot be compared"
    with pytest.raises(RecordError, match=sentence):
        same_users([base, dataclasses.replace(pair, key=pair.key | {"protocol": "paper"})])
