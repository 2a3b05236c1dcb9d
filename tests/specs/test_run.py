"""Specs: pinned identities, the canonical form, and the sentences of refusals."""

from __future__ import annotations

import doctest
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcrec_core import errors
from pcrec_core.errors import PCRecError, SpecError, unknown
from pcrec_core.paths import ROOT
from pcrec_core.specs import run as specs
from pcrec_core.specs.fields import canonical_json
from pcrec_core.specs.protocol import PROTOCOLS, ProtocolOptions
from pcrec_core.specs.run import Cooperation, Data, Model, RunSpec, Training, from_dict

SHA = "0123456789abcdef" * 4
BPR = RunSpec(Data("ml-100k"), Model("bpr", d=256), Training(200, 2048, 1e-3))
PCREC = RunSpec(
    Data("ml-100k"),
    Model("sasrec", d=64, t=50, p=0.2),
    Training(120, 128, 1e-3),
    peers=2,
    cooperation=Cooperation("layerwise", "entropy", 30),
)
DNN = RunSpec(
    Data("retailrocket-half"),
    Model("dnn", d=64, t=10),
    Training(50, 128, 1e-4, l2=1e-5, schedule="constant"),
    peers=3,
    cooperation=Cooperation("averaging", every=2),
    seed=4,
)
CSV = RunSpec(
    Data("csv", core=3, sha256=SHA, columns=("who", "what"), path="here.csv"),
    Model("bpr", d=8),
    Training(1, 8, 0.5),
    peers=2,
)


def cooperate(rule: str, *values: object, **more: object) -> RunSpec:
    return replace(PCREC, cooperation=Cooperation(rule, *values, **more))


def pair(cooperation: Cooperation | None, peers: int = 2) -> RunSpec:
    return replace(BPR, peers=peers, cooperation=cooperation)


# --- identity

#: The canonical form, written by hand, and the first 12 digits of its SHA-256. A change here makes
#: older records missing.
PINNED = [
    (
        BPR,
        "ea9d1f37e239",
        '{"data":{"core":5,"source":"ml-100k"},"model":{"d":256,"name":"bpr"},"numerics":3,'
        '"peers":1,"protocol":"controlled","seed":0,"training":{"batch":2048,"epochs":200,"eta":0.001,'
        '"l2":0.0,"schedule":"cosine"}}',
    ),
    (
        PCREC,
        "b96f2e287fb1",
        '{"cooperation":{"alpha":30.0,"criterion":"entropy","every":1,"rule":"layerwise"},'
        '"data":{"core":5,"source":"ml-100k"},"model":{"d":64,"name":"sasrec","p":0.2,"t":50},'
        '"numerics":3,"peers":2,"protocol":"controlled","seed":0,"training":{"batch":128,'
        '"epochs":120,"eta":0.001,"l2":0.0,"schedule":"cosine"}}',
    ),
    (
        DNN,
        "a857e859d498",
        '{"cooperation":{"every":2,"rule":"averaging"},"data":{"core":5,'
        '"source":"retailrocket-half"},"model":{"d":64,"name":"dnn","t":10},"numerics":4,'
        '"peers":3,"protocol":"controlled","seed":4,"training":{"batch":128,"epochs":50,'
        '"eta":0.0001,"l2":1e-05,"schedule":"constant"}}',
    ),
    (
        CSV,
        "e148adb0d8ec",
        f'{{"data":{{"columns":["who","what"],"core":3,"sha256":"{SHA}","source":"csv"}},'
        '"model":{"d":8,"name":"bpr"},"numerics":3,"peers":2,"protocol":"controlled","seed":0,'
        '"training":{"batch":8,"epochs":1,"eta":0.5,"l2":0.0,"schedule":"cosine"}}',
    ),
]


@pytest.mark.parametrize(("run", "identity", "text"), PINNED)
def test_identity_is_pinned_and_is_the_hash_of_a_form_written_by_hand(run, identity, text):
    assert canonical_json(run.canonical()) == text
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == identity
    assert run.identity == identity


def test_identity_is_the_same_in_another_process_with_another_order_of_hashing():
    code = (
        "from pcrec_core.specs.run import *; import sys, json;"
        " print(from_dict(json.loads(sys.argv[1])).identity)"
    )
    command = [sys.executable, "-c", code, PINNED[1][2]]
    start = partial(subprocess.run, command, capture_output=True, text=True, check=True, cwd=ROOT)
    found = [start(env={"PYTHONHASHSEED": seed}).stdout.strip() for seed in ("1", "2")]
    assert found == [PINNED[1][1]] * 2


def test_30_and_30_0_are_equal():
    whole = cooperate("layerwise", "entropy", 30)
    real = replace(cooperate("layerwise", "entropy", 30.0), peers=2.0)
    assert whole == real and hash(whole) == hash(real)
    assert whole.identity == real.identity and whole.name == real.name
    numpy = replace(cooperate("layerwise", "entropy", np.float64(30)), seed=np.int64(0))
    assert numpy == whole and numpy.identity == whole.identity


def test_0_and_minus_0_are_equal():
    negative, positive = Training(1, 1, 1e-3, l2=-0.0), Training(1, 1, 1e-3)
    assert negative == positive
    assert canonical_json(negative.canonical()) == canonical_json(positive.canonical())
    model = Model("sasrec", d=4, t=5, p=-0.0)
    assert canonical_json(model.canonical()) == '{"d":4,"name":"sasrec","p":0.0,"t":5}'


def test_the_place_of_a_csv_file_is_not_identity_but_its_content_and_columns_are():
    def csv(**change):
        return replace(CSV, data=replace(CSV.data, **change))

    assert csv(path="there.csv") == CSV and hash(csv(path="there.csv")) == hash(CSV)
    assert csv(path="there.csv").identity == csv(path=None).identity == CSV.identity
    assert csv(sha256="f" + SHA[1:]).identity != CSV.identity
    assert csv(columns=("what", "who")).identity != CSV.identity
    assert csv(columns=["who", "what"]) == CSV


CHANGES = [
    ("data", "source", "ml-1m"),
    ("data", "core", 4),
    ("model", "d", 65),
    ("model", "t", 49),
    ("model", "p", 0.25),
    ("training", "epochs", 121),
    ("training", "batch", 64),
    ("training", "eta", 2e-3),
    ("training", "l2", 1e-9),
    ("training", "schedule", "constant"),
    ("cooperation", "criterion", "l1"),
    ("cooperation", "alpha", 30.5),
    ("cooperation", "every", 2),
    (None, "peers", 3),
    (None, "seed", 1),
    (None, "numerics", 9),
    (None, "cooperation", None),
]


@pytest.mark.parametrize(("part", "name", "value"), CHANGES)
def test_every_field_is_identity(part, name, value):
    change = {name: value}
    if part is not None:
        change = {part: replace(getattr(PCREC, part), **change)}
    changed = replace(PCREC, **change)
    assert changed != PCREC and changed.identity != PCREC.identity


def test_defaults_are_in_the_form_so_that_a_changed_default_changes_identities():
    form = BPR.canonical()
    assert form["training"]["l2"] == 0.0 and form["training"]["schedule"] == "cosine"
    assert form["data"]["core"] == 5
    found = form["peers"], form["protocol"], form["seed"], form["numerics"]
    assert found == (1, "controlled", 0, 3)


def test_numerics_come_from_the_model_and_raising_them_changes_the_identity(monkeypatch):
    monkeypatch.setitem(specs.NUMERICS, "bpr", BPR.numerics + 1)
    raised = replace(BPR, numerics=None)
    assert raised.numerics == BPR.numerics + 1 and raised.identity != BPR.identity
    assert replace(PCREC, numerics=None).identity == PCREC.identity  # another model's
    assert from_dict(BPR.canonical()) == BPR  # an older record's spec still resolves


# --- canonical JSON


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    one, other = (
        {"b": [1, {"d": 1, "c": "é"}], "a": None},
        {"a": None, "b": [1, {"c": "é", "d": 1}]},
    )
    for value in (one, other):
        assert canonical_json(value) == '{"a":null,"b":[1,{"c":"é","d":1}]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_canonical_json_refuses_numbers_that_json_lacks(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": value})


def finite(low: float, high: float, **more: bool) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, **more)


@st.composite
def cooperations(draw, epochs: int) -> Cooperation:
    every = draw(st.integers(1, epochs))
    if draw(st.booleans()):
        return Cooperation("averaging", every=every)
    alpha = draw(st.one_of(st.integers(1, 100), finite(0, 1e3, exclude_min=True)))
    return Cooperation("layerwise", draw(st.sampled_from(["entropy", "l1"])), alpha, every)


@st.composite
def runs(draw) -> RunSpec:
    whole = st.integers(1, 10**6)
    name = draw(st.sampled_from(["sasrec", "dnn", "bpr"]))
    sources = st.sampled_from(["ml-100k", "retailrocket", "synthetic"])
    texts = st.text(alphabet=st.characters(codec="utf-8"))
    columns, paths = st.lists(texts, min_size=2, max_size=3), st.none() | st.text()
    files = partial(st.builds, Data, st.just("csv"), sha256=st.just(SHA))
    data = draw(
        st.builds(Data, sources, core=whole) | files(core=whole, columns=columns, path=paths)
    )
    t = None if name == "bpr" else draw(st.integers(2, 500))
    p = draw(finite(0, 1, exclude_max=True)) if name == "sasrec" else None
    model = Model(name, draw(whole), t, p)
    eta, l2 = draw(finite(0, 10, exclude_min=True)), draw(finite(0, 10))
    schedule = draw(st.sampled_from(["cosine", "constant"]))
    training = Training(draw(whole), draw(whole), eta, l2, schedule)
    peers = draw(st.integers(1, 5))
    cooperation = draw(st.none() | cooperations(training.epochs)) if peers > 1 else None
    return RunSpec(data, model, training, peers, cooperation, seed=draw(st.integers(0, 2**70)))


def reordered(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {k: reordered(v) for k, v in reversed(value.items())}


@given(runs())
def test_a_valid_spec_comes_back_from_its_canonical_form(run):
    form = run.canonical()
    for same in (form, reordered(form), json.loads(canonical_json(form))):
        back = from_dict(same)
        assert back == run and back.identity == run.identity and back.name == run.name


@given(runs())
def test_the_form_holds_no_none_and_no_path(run):
    form = run.canonical()
    parts = [form, *(part for part in form.values() if isinstance(part, dict))]
    assert all(value is not None for part in parts for value in part.values())
    assert "path" not in form["data"]
    assert len(run.identity) == 12 and set(run.identity) <= set("0123456789abcdef")


# --- a field that is added later


@dataclass(frozen=True)
class Later(Training):
    """Training with one field more, whose default differs from what older records imply."""

    warmup: int = field(default=3, metadata={"as_before": 0})


def test_an_added_field_is_in_the_form_only_where_it_differs_from_before():
    before = Training(5, 8, 1e-3).canonical()
    assert Later(5, 8, 1e-3, warmup=0).canonical() == before
    assert Later(5, 8, 1e-3).canonical() == before | {"warmup": 3}
    lower = Later(5, 8, 1e-3, precision="bf16", warmup=0)
    assert lower.canonical() == before | {"precision": "bf16"}


def test_older_identities_still_resolve_after_a_field_was_added(monkeypatch):
    older = BPR.canonical()
    monkeypatch.setitem(specs._PARTS, "training", Later)
    back = from_dict(older)
    # not the new default 3
    assert back.training == Later(200, 2048, 1e-3, precision="float32", warmup=0)
    assert back.identity == BPR.identity and back.canonical() == older
    newer = replace(back, training=Later(200, 2048, 1e-3))
    assert newer.identity != back.identity and from_dict(newer.canonical()) == newer


# --- names


@pytest.mark.parametrize(
    ("run", "variant"),
    [
        (BPR, "base"),
        (pair(None), "apart"),
        (pair(None, 3), "apart-n3"),
        (PCREC, "le-a30"),
        (DNN, "avg-k2-n3"),
        (pair(Cooperation("layerwise", "l1", 12.5)), "ln-a12.5"),
        (pair(Cooperation("averaging")), "avg"),
        (pair(Cooperation("layerwise", "entropy", 20, every=5), 4), "le-a20-k5-n4"),
    ],
)
def test_a_run_is_named_by_its_variant_seed_and_identity(run, variant):
    assert run.variant == variant
    assert run.name == f"{run.data.source}/{run.model.name}-{variant}-s{run.seed}-{run.identity}"


# --- refusals


#: A part of the sentence, and what is refused with it.
REFUSED: dict[str, list[Callable[[], object]]] = {
    # fields without a meaning
    "one peer or two, not 3": [lambda: replace(PCREC, peers=3, protocol="released")],
    "averaging has no criterion and no alpha": [
        lambda: Cooperation("averaging", alpha=30),
        lambda: Cooperation("averaging", "entropy"),
        lambda: Cooperation("averaging", shares="random"),
    ],
    "t (sequence length) belongs to sasrec and dnn": [
        lambda: Model("bpr", d=8, t=50),
        lambda: Model("sasrec", d=8, p=0.1),
        lambda: Model("dnn", d=8),
    ],
    "p (dropout) belongs to sasrec": [
        lambda: Model("bpr", d=8, p=0.1),
        lambda: Model("dnn", d=8, t=50, p=0.0),
        lambda: Model("sasrec", d=8, t=50),
    ],
    "columns has a meaning only for source 'csv'": [lambda: Data("ml-100k", columns=("u", "i"))],
    "sha256, path has a meaning only for": [lambda: Data("ml-100k", sha256=SHA, path="x")],
    "cooperation needs peers: 2 or more": [lambda: replace(PCREC, peers=1)],
    "needs sha256 and columns (user, item)": [
        lambda: Data("csv", columns=("u", "i")),
        lambda: Data("csv", sha256=SHA, columns=("u",)),
        lambda: Data("csv", sha256=SHA, columns=tuple("abcd")),
    ],
    "every 121 epochs never happens in 120 epochs": [lambda: cooperate("averaging", every=121)],
    "gamma belongs to the rule": [
        lambda: Cooperation("layerwise", "entropy", 30, gamma=0.1),
        lambda: Cooperation("parameterwise", gamma=-0.1),
    ],
    "leave them out": [
        lambda: Cooperation("averaging", components=("embedding", "middle", "softmax"))
    ],
    "components must be some of": [lambda: Cooperation("averaging", components=())],
    "BPR has no component but its embeddings": [
        lambda: pair(Cooperation("averaging", components=("middle",)))
    ],
    "shares 'random' are defined for pairs": [
        lambda: replace(cooperate("layerwise", "entropy", 30, shares="random"), peers=3)
    ],
    "shares of other layers range over all layers": [
        lambda: Cooperation("layerwise", "l1", 2.5, shares="permuted", components=("softmax",))
    ],
    "rates have a meaning only for two or more peers": [lambda: replace(BPR, rates="equal")],
    "orders have a meaning only for two or more peers": [lambda: replace(BPR, orders="same")],
    "starts have a meaning only for two or more peers": [lambda: replace(BPR, starts="same")],
    "average belongs to": [lambda: replace(PCREC, training=Training(5, 8, 0.1, average="ema"))],
    "swa averages weights of a constant rate": [lambda: Training(5, 8, 0.1, average="swa")],
    "protocol 'paper' compares weights with a fixed gamma (Eq. 7): give one.": [
        lambda: replace(PCREC, protocol="paper", cooperation=Cooperation("parameterwise"))
    ],
    "option mean has no meaning": [
        lambda: replace(BPR, custom_options=ProtocolOptions(mean="all"))
    ],
    "option evaluated has no meaning": [
        lambda: replace(BPR, custom_options=ProtocolOptions(evaluated="after")),
        lambda: replace(
            PCREC, custom_options=ProtocolOptions(evaluated="after")
        ),  # it is what "merged" gives
        lambda: replace(
            cooperate("parameterwise"), custom_options=ProtocolOptions(evaluated="before")
        ),
    ],
    "option last_bin has no meaning": [
        lambda: replace(DNN, custom_options=ProtocolOptions(last_bin="open"))
    ],
    # values out of range
    "alpha must be above 0 and at most 1e12, not 0.0; for alpha = 0 use the rule 'averaging'": [
        lambda: Cooperation("layerwise", "entropy", 0)
    ],
    "alpha must be above 0 and at most 1e12, not -1.0": [
        lambda: Cooperation("layerwise", "entropy", -1)
    ],
    "alpha must be above 0 and at most 1e12, not None": [
        lambda: Cooperation("layerwise", "entropy")
    ],
    "alpha must be above 0 and at most 1e12, not 1e+308": [
        lambda: Cooperation("layerwise", "entropy", 1e308)
    ],
    "every must be 1 or more, not 0": [lambda: Cooperation("averaging", every=0)],
    "core must be 1 or more, not 0": [lambda: Data("ml-100k", core=0)],
    "d must be 1 or more, not 0": [lambda: Model("bpr", d=0)],
    "d must be at most 10**9, not 1000000001": [lambda: Model("bpr", d=10**9 + 1)],
    "t must be at most 10**9, not 100000000000000000000": [lambda: Model("dnn", d=1, t=10**20)],
    "t counts the target, so it must be 2 or more, not 1": [lambda: Model("dnn", d=1, t=1)],
    "p (dropout) must be in [0, 1), not 1.0": [lambda: Model("sasrec", d=1, t=2, p=1)],
    "p (dropout) must be in [0, 1), not -0.1": [lambda: Model("sasrec", d=1, t=2, p=-0.1)],
    "epochs must be 1 or more, not 0": [lambda: Training(0, 1, 1e-3)],
    "batch must be 1 or more, not 0": [lambda: Training(1, 0, 1e-3)],
    "eta (learning rate) must be above 0, not 0.0": [lambda: Training(1, 1, 0)],
    "l2 must be from 0 to 1e6, not -1e-09": [lambda: Training(1, 1, 1, -1e-9)],
    "peers must be 1 or more, not 0": [lambda: replace(BPR, peers=0)],
    "seed must be 0 or more, not -1": [lambda: replace(BPR, seed=-1)],
    # values of another type
    "eta must be a finite number, not nan": [lambda: Training(1, 1, float("nan"))],
    "eta must be a finite number, not inf": [lambda: Training(1, 1, float("inf"))],
    "epochs must be an int, not '1'": [lambda: Training("1", 1, 1e-3)],
    "epochs must be an int, not 1.5": [lambda: Training(1.5, 1, 1e-3)],
    "seed must be an int, not True": [lambda: replace(BPR, seed=True)],
    "seed must be an int, not [0]": [lambda: replace(BPR, seed=[0])],
    "name must be a str, not 3": [lambda: Model(3, d=1)],
    "name must be a str, not None": [lambda: Model(None, d=1)],
    "columns must be a list of str, not 'ab'": [lambda: Data("csv", sha256=SHA, columns="ab")],
    "columns must be a list of str, not (1, 2)": [lambda: Data("csv", sha256=SHA, columns=(1, 2))],
    "data must be a Data, not 'ml-100k'": [lambda: replace(BPR, data="ml-100k")],
    "model must be a Model, not 'bpr'": [lambda: RunSpec(BPR.data, "bpr", BPR.training)],
    "training must be a Training, not None": [lambda: RunSpec(BPR.data, BPR.model, None)],
    "cooperation must be a Cooperation, not 'averaging'": [
        lambda: replace(PCREC, cooperation="averaging")
    ],
    # forms that no run has
    "RunSpec must be a dict of its fields, not [1]": [lambda: from_dict([1])],
    "unknown field of RunSpec 'sede'; did you mean 'seed'?": [lambda: read(sede=1)],
    "unknown field of Model 'dd'; did you mean 'd'?": [
        lambda: read(model={"name": "bpr", "dd": 1})
    ],
    "'training'": [
        lambda: from_dict({k: v for k, v in BPR.canonical().items() if k != "training"})
    ],
    "Model cannot be read": [lambda: read(model={"name": "bpr"})],
    "Model must be a dict of its fields, not 'bpr'": [lambda: read(model="bpr")],
    "Cooperation must be a dict of its": [
        lambda: from_dict(PCREC.canonical() | {"cooperation": None})
    ],
    "rules must be a dict of options, not None.": [lambda: read(rules=None)],
    "rules must be a dict of options, not ['loss'].": [lambda: read(rules=["loss"])],
    "RunSpec cannot be read": [lambda: read(protocol=["x"], rules={})],
}


def read(**change: object) -> RunSpec:
    """Read the canonical form of BPR with some fields changed."""
    return from_dict(BPR.canonical() | change)


@pytest.mark.parametrize(
    ("words", "make"), [(words, make) for words, makers in REFUSED.items() for make in makers]
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(words, make):
    with pytest.raises(SpecError) as refused:
        make()
    sentence = str(refused.value)
    assert words in sentence and sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize(
    ("make", "kind", "nearest"),
    [
        (lambda: Model("sasrek", d=1), "model", "sasrec"),
        (lambda: Model("bprr", d=1), "model", "bpr"),
        (lambda: Model("SASRec", d=1), "model", "sasrec"),
        (lambda: Model("BPR", d=1), "model", "bpr"),  # the paper's spelling
        (lambda: Training(1, 1, 1, schedule="cosin"), "schedule", "cosine"),
        (lambda: Cooperation("layer-wise"), "cooperation rule", "layerwise"),
        (lambda: Cooperation("average"), "cooperation rule", "averaging"),
        (lambda: Cooperation("layerwise", "entropi", 1), "criterion", "entropy"),
        (lambda: Cooperation("layerwise", "L1", 1), "criterion", "l1"),
        (lambda: replace(BPR, protocol="controled"), "protocol", "controlled"),
        (lambda: replace(BPR, protocol="papr"), "protocol", "paper"),
        (lambda: Cooperation("layerwize"), "cooperation rule", "layerwise"),
        (lambda: Cooperation("layerwise", "entropy", 1, shares="rnadom"), "shares", "random"),
        (lambda: Cooperation("averaging", components=("embeding",)), "component", "embedding"),
        (lambda: Training(1, 1, 1, average="emma"), "average", "ema"),
        (lambda: Data("synthetic", histories="shufled"), "histories", "shuffled"),
        (lambda: replace(PCREC, orders="sane"), "orders", "same"),
        (lambda: ProtocolOptions(loss="rael"), "loss", "real"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_name(make, kind, nearest):
    words = rf"^unknown {kind} '.*'; did you mean '{nearest}'\? Known: .*\b{nearest}\b"
    with pytest.raises(SpecError, match=words):
        make()


def test_an_unknown_name_near_to_nothing_is_answered_with_all_names():
    found = unknown("model", "xyzzy", {"sasrec": 1, "bpr": 2})
    assert found == "unknown model 'xyzzy'. Known: bpr, sasrec."
    found = unknown("metric", "hit@5", ["MRR@5", "HIT@5"])
    assert found == "unknown metric 'hit@5'; did you mean 'HIT@5'? Known: HIT@5, MRR@5."


def test_every_error_of_a_user_is_a_pcrec_error():
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    kinds = [kind for kind in classes if issubclass(kind, Exception)]
    assert len(kinds) == 9 and all(issubclass(kind, PCRecError) for kind in kinds)


def test_a_spec_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        BPR.seed = 1


@pytest.mark.parametrize("module", [specs, errors])
def test_the_examples_in_the_documentation_are_true(module):
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0


# --- the three protocols


def test_a_protocol_is_its_lines_and_a_single_one_can_be_changed():
    released = replace(PCREC, protocol="released")
    assert released.options == PROTOCOLS["released"] and "rules" not in released.canonical()
    given = replace(released, custom_options=PROTOCOLS["released"])
    assert given == released and hash(given) == hash(released)
    assert given.identity == released.identity
    one = replace(PCREC, custom_options=ProtocolOptions(attention="all"))
    assert one.canonical() == PCREC.canonical() | {"rules": {"attention": "all"}}
    assert one.variant == "le-a30-attention"
    assert from_dict(one.canonical()) == one and one.identity != PCREC.identity
    back = replace(PROTOCOLS["released"], attention="real")
    other = replace(PCREC, protocol="released", custom_options=back)
    assert other.changed_options == {"attention": "real"} and from_dict(other.canonical()) == other


def test_the_protocols_are_the_documents_table():
    """Compare with :ref:`protocols-table`, line by line: released, paper, controlled."""
    table = {
        "data": ("own", "own", "common"),
        "candidates": ("padding too", "items", "items"),
        "hidden": ("seen", "seen", "where none repeats"),
        "loss": ("all", "all", "real"),
        "attention": ("all", "all", "real"),
        "mean": ("all", "all", "real"),
        "layers": ("released", "matrices", "matrices"),
        "last_bin": ("open", "closed", "closed"),
        "order": ("once", "fresh", "fresh"),
        "evaluated": ("before", "after", "merged"),
        "choice": ("test", "validation", "validation"),
    }
    for at, name in enumerate(("released", "paper", "controlled")):
        assert vars(PROTOCOLS[name]) == {line: values[at] for line, values in table.items()}


def test_components_are_in_one_order_and_names_hold_what_is_unusual():
    some = Cooperation("averaging", components=("softmax", "embedding"))
    assert some.components == ("embedding", "softmax")
    permuted = cooperate("layerwise", "l1", 2.5, 2, shares="permuted")
    assert permuted.variant == "ln-a2.5-k2-permuted"
    some = cooperate("layerwise", "l1", 2.5, components=("softmax", "middle"))
    assert some.variant == "ln-a2.5-middle-softmax"
    equal = replace(PCREC, rates="equal", orders="same", starts="same")
    assert equal.variant == "le-a30-equal-rates-same-orders-same-starts"
    masks = replace(cooperate("parameterwise", gamma=0.5), protocol="paper")
    assert masks.variant == "w-g0.5-paper"
    shuffled = Data("ml-100k", histories="shuffled")
    assert replace(pair(Cooperation("noise"), 1), data=shuffled).variant == "n-shuffled"
    averaged = Training(5, 8, 0.1, schedule="constant", average="swa")
    assert replace(BPR, training=averaged).variant == "base-swa"


@pytest.mark.parametrize(
    ("cooperation", "evaluated", "expected"),
    [
        (None, "merged", "own"),
        (Cooperation("averaging"), "merged", "merged"),
        (Cooperation("averaging"), "before", "own"),
        (Cooperation("layerwise", "entropy", 3, components=("middle",)), "merged", "after"),
        (Cooperation("parameterwise"), "merged", "own"),
        (Cooperation("parameterwise"), "after", "after"),
        (Cooperation("parameterwise", components=("middle",)), "merged", "after"),
        (Cooperation("noise"), "merged", "own"),
    ],
)
def test_what_can_be_reported(cooperation, evaluated, expected):
    usual = run = replace(PCREC, cooperation=cooperation)
    if usual.reported_models != expected:
        run = replace(usual, custom_options=ProtocolOptions(evaluated=evaluated))
    assert run.reported_models == expected
    assert replace(usual, protocol="released").reported_models == "own"
    if evaluated == "merged":
        assert usual.reported_models == expected
