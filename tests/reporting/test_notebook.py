"""The check of a notebook's parameters, alone and in a notebook that papermill runs."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from pcrec_core.errors import PCRecError, SpecError
from pcrec_core.reporting.changed_parameters import changed, note
from pcrec_core.reporting.notebook import check_parameters

#: Name: (declared type, a good value).
PARAMETERS: dict[str, tuple[Any, Any]] = {
    "datasets": (list[str], ["synthetic"]),
    "seeds": (list[int], [0, 1]),
    "alphas": (list[float], [30.0, 40]),
    "epochs": (int, 2),
    "rate": (float, 0.1),
    "fast": (bool, False),
    "device": (str, "cpu"),
}
#: Parameters that only some pages have.
MORE: dict[str, tuple[Any, Any]] = {
    "models": (list[str], ["dnn"]),
    "dataset": (str, "ml-100k"),
    "tried": (list[str], []),
    "protocol": (str, "controlled"),
    "shares": (list[int], [0, 99]),
    "alpha": (list[float], []),
    "gamma": (float, 0.0),
    "csv": (str, ""),
    "columns": (list[str], []),
    "variants": (list[str], ["LE", "W"]),
}
IPYTHON = {"__name__": "__main__", "_": "", "_i1": "x", "In": ["", "x"], "Out": {}, "sys": sys}


def namespace(
    parameters: dict[str, tuple[Any, Any]] = PARAMETERS, /, **changed: Any
) -> dict[str, Any]:
    """A notebook's globals after the parameters cell and the one that papermill adds."""
    declared = {name: kind for name, (kind, _) in parameters.items()}
    values = {name: value for name, (_, value) in parameters.items()}
    return {"__annotations__": declared, **IPYTHON, "exit": object(), **values, **changed}


def refusal(*parameters: dict[str, tuple[Any, Any]], **changed: Any) -> str:
    with pytest.raises(PCRecError) as caught:
        check_parameters(namespace(*parameters, **changed))
    return str(caught.value)


def test_values_of_their_declared_types_pass_and_change_nothing() -> None:
    before = namespace()
    after = dict(before)
    check_parameters(after)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("value", [[3], "cpu", 3, 0.5, True, None, {"a": 1}, (1, 2)])
def test_a_value_under_an_undeclared_name_is_a_typo(value: Any) -> None:
    assert refusal(seads=value).startswith(
        "unknown parameter 'seads'; did you mean 'seeds'? Known: alphas, datasets,"
    )


def test_the_refusal_of_a_string_for_a_list_explains_how_to_pass_a_list() -> None:
    assert refusal(seeds="[3, 4]") == (
        "parameter 'seeds' must be list[int], not the str '[3, 4]': papermill's -p passes a"
        " string, -y 'seeds: [3, 4]' passes a list."
    )
    assert "-y 'datasets: [ml-100k]' passes a list." in refusal(datasets="ml-100k")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epochs", "two", "parameter 'epochs' must be int, not the str 'two'."),
        ("epochs", 2.0, "parameter 'epochs' must be int, not the float 2.0."),
        ("epochs", True, "parameter 'epochs' must be int, not the bool True."),
        ("rate", False, "parameter 'rate' must be float, not the bool False."),
        ("rate", None, "parameter 'rate' must be float, not the NoneType None."),
        ("fast", 1, "parameter 'fast' must be bool, not the int 1."),
        ("device", ["cpu"], "parameter 'device' must be str, not the list ['cpu']."),
        ("seeds", [0, "1"], "parameter 'seeds' must be list[int], but its item 1 is the str '1'."),
        ("seeds", [0.5], "parameter 'seeds' must be list[int], but its item 0 is the float 0.5."),
        (
            "alphas",
            [True],
            "parameter 'alphas' must be list[float], but its item 0 is the bool True.",
        ),
    ],
)
def test_another_type_is_refused(name: str, value: Any, message: str) -> None:
    assert refusal(**{name: value}) == message


@given(st.integers(min_value=0))
def test_an_int_is_accepted_where_a_float_is_declared(number: int) -> None:
    changed = namespace(rate=number, alphas=[number])
    check_parameters(changed)
    assert changed["rate"] is number


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seeds", [3, 0, 3], "parameter 'seeds' has 3 twice; give each once."),
        ("seeds", [0, 0], "parameter 'seeds' has 0 twice; give each once."),
        ("datasets", ["ml-100k"] * 2, "parameter 'datasets' has 'ml-100k' twice; give each once."),
        ("datasets", [], "parameter 'datasets' is empty; name at least one."),
        ("models", [], "parameter 'models' is empty; name at least one."),
        ("alphas", [], "parameter 'alphas' is empty; name at least one."),
        ("variants", [], "parameter 'variants' is empty; name at least one."),
        ("variants", ["LE", "probed-LE"], "variant 'probed-LE' measures layers, and has no accur"),
        (
            "models",
            ["dnn", "sasrek"],
            "unknown model 'sasrek'; did you mean 'sasrec'? Known: bpr, dnn, sasrec.",
        ),
        ("datasets", ["synthetic", "ml-10k"], "unknown data set 'ml-10k'; did you mean 'ml-100k'?"),
        ("dataset", "ml-10k", "unknown data set 'ml-10k'; did you mean 'ml-100k'? Known: "),
        ("tried", ["foo"], "unknown data set 'foo'. Known: "),
        (
            "protocol",
            "papers",
            "unknown protocol 'papers'; did you mean 'paper'? Known: controlled, paper, released.",
        ),
        ("device", "gpu", "device must be auto, cpu or cuda, not 'gpu'."),
        ("epochs", -1, "parameter 'epochs' must be 0 or more, not -1."),
        ("seeds", [0, -2], "parameter 'seeds' must be 0 or more, not -2."),
        ("alphas", [30, math.nan], "parameter 'alphas' must be a number, not nan."),
        ("alphas", [-5], "parameter 'alphas' must be 0 or more, not -5."),
        (
            "alpha",
            [30, 40],
            "parameter 'alpha' is one alpha for all models, not [30, 40]; Figure 4 is the page of"
            " several.",
        ),
        ("gamma", math.inf, "parameter 'gamma' must be a number, not inf."),
        ("shares", [30, 100], "parameter 'shares' must be from 0 to 99, not 100."),
        ("shares", [-10], "parameter 'shares' must be from 0 to 99, not -10."),
        (
            "csv",
            "mine.csv",
            "parameter 'csv' is 'mine.csv', but the data set 'csv' is not asked for: name it.",
        ),
        (
            "columns",
            ["who", "what"],
            "parameter 'columns' is ['who', 'what'], but the data set 'csv' is not asked for",
        ),
    ],
)
def test_an_impossible_value_is_refused_before_anything_is_trained(
    name: str, value: Any, message: str
) -> None:
    assert refusal(PARAMETERS | MORE, **{name: value}).startswith(message)


def test_a_threshold_is_for_pages_with_a_variant_that_has_one() -> None:
    check_parameters(namespace(PARAMETERS | MORE, gamma=0.2))
    assert refusal(PARAMETERS | MORE, gamma=0.2, variants=["LE"]) == (
        "parameter 'gamma' is 0.2, but W, which alone has a threshold, is not among the variants:"
        " name it."
    )


def test_a_page_with_other_parameters_than_its_own_names_them() -> None:
    page = (
        "datasets: list[str] = ['synthetic']  # a\nepochs: int = 2  # b\ndevice: str = 'cpu'  # c"
    )
    given = {name: PARAMETERS[name] for name in ("datasets", "epochs", "device")}
    cells = ["", "%magic", page, "epochs = 7\ndevice = 'cuda'"]
    assert changed(namespace(given, In=cells)) == {}
    assert changed(namespace(given, In=cells, epochs=7, device="cuda")) == {"epochs": 7}
    assert changed(namespace(given, epochs=7)) == {}  # no notebook
    text = note({"datasets": ["csv", "ml-1m"], "columns": []})
    assert text.startswith("This page was run with datasets = csv ml-1m, columns = none. Its ")
    assert note({}) == ""


def test_a_users_file_is_for_pages_that_take_one() -> None:
    check_parameters(namespace(PARAMETERS | MORE, datasets=["csv"], csv="mine.csv"))
    assert refusal(datasets=["csv"]).startswith("this page takes no file of your own;")


def test_a_second_check_in_an_open_notebook_takes_no_result_for_a_parameter() -> None:
    opened = namespace()
    check_parameters(opened)
    opened["table"] = [1, 2, 3]
    check_parameters(opened)
    opened["epochs"] = "many"
    with pytest.raises(SpecError, match="'epochs' must be int"):
        check_parameters(opened)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("notebook") / "tiny.ipynb"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    parameters = v4.new_code_cell("seeds: list[int] = [0]  # seeds")
    parameters.metadata.tags = ["parameters"]
    guard = v4.new_code_cell(
        "from pcrec_core.reporting.notebook import check_parameters\n\ncheck_parameters(globals())"
    )
    cells = [parameters, guard, v4.new_code_cell("sum(seeds)")]
    notebook = v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells)
    nbformat.write(notebook, path)
    return path


def papermill(notebook: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    executed = notebook.with_name("out.ipynb")
    command = [sys.executable, "-m", "papermill", notebook, executed, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=notebook.parent, check=False)


def test_papermill_stops_at_a_typo_with_exit_code_1(tiny: Path) -> None:
    run = papermill(tiny, "-y", "seads: [3, 4]")
    assert run.returncode == 1
    assert "unknown parameter 'seads'; did you mean 'seeds'? Known: seeds." in run.stderr


def test_papermill_stops_at_a_string_where_a_list_belongs(tiny: Path) -> None:
    run = papermill(tiny, "-p", "seeds", "[3,4]")
    assert run.returncode == 1
    assert "-y 'seeds: [3,4]' passes a list." in run.stderr


def test_papermill_runs_with_a_list(tiny: Path) -> None:
    run = papermill(tiny, "-y", "seeds: [3, 4]")
    assert run.returncode == 0, run.stderr
    *_, guard, last = nbformat.read(tiny.with_name("out.ipynb"), as_version=4).cells
    assert last.outputs[0]["data"]["text/plain"] == "7"
    assert "was run with seeds = 3 4." in guard.outputs[0]["data"]["text/html"]
