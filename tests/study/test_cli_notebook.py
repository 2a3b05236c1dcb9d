"""The command ``notebook``: parameters of their declared types, one sentence for a page's error."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from pcrec_core.errors import SpecError
from pcrec_core.paths import ROOT
from pcrec_core.study import cli
from pcrec_core.study.cli_notebook import parameters, parse

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TABLE3 = parameters(ROOT / "notebooks" / "table3.ipynb")


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Call the command in an empty folder: exit code, lines of stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def called(*words: str) -> tuple[int, list[str], str]:
        code = cli.main(["notebook", *words])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return called


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_type_a_default_and_a_help_as_papermill_sees_them(path):
    seen = papermill.inspect_notebook(str(path))
    found = parameters(path)
    assert list(found) == list(seen)
    for name, (kind, default, text) in found.items():
        assert (kind, text) == (seen[name]["inferred_type_name"], seen[name]["help"])
        assert len(text) > 3 and json.dumps(default) == seen[name]["default"].replace("'", '"')


def test_values_have_the_declared_types():
    words = "datasets=synthetic,ml-100k seeds=0,3 alpha=10 epochs=2 protocol=paper models= csv=a,b"
    assert parse(words.split(), TABLE3) == {
        "datasets": ["synthetic", "ml-100k"],
        "seeds": [0, 3],
        "alpha": [10.0],
        "epochs": 2,
        "protocol": "paper",
        "models": [],
        "csv": "a,b",
    }


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("epohcs=2", "unknown parameter 'epohcs'; did you mean 'epochs'? Known: "),
        ("epochs=two", "parameter 'epochs' must be int, not 'two'."),
        ("seeds=0,x", "parameter 'seeds' must be int, not 'x'."),
        ("seeds", "-p takes NAME=VALUE, such as seeds=0,1, not 'seeds'."),
        ("epochs=1 epochs=2", "-p has 'epochs' twice; give each once."),
    ],
)
def test_what_is_no_parameter_is_refused(word, sentence):
    with pytest.raises(SpecError, match=re.escape(sentence)):
        parse(word.split(), TABLE3)


def test_a_page_is_executed_with_other_parameters(call, tmp_path):
    words = "table3 --output out.ipynb -p datasets=synthetic models=bpr seeds=7 epochs=1"
    code, out, err = call(*words.split())
    assert (code, err) == (0, "") and out == [f"page      {tmp_path / 'out.ipynb'}"]
    assert "seeds = [7]\\n" in (tmp_path / "out.ipynb").read_text()
    assert len(list((tmp_path / "records").rglob("bpr-*-s7-*.json"))) == 2


def test_the_error_of_a_page_is_its_one_sentence(call, tmp_path):
    code, out, err = call("table3", "-p", "models=bprr")
    assert (code, out) == (1, [])
    assert err == (
        "error: unknown model 'bprr'; did you mean 'bpr'? Known: bpr, dnn, sasrec. The page up to"
        f" there is {tmp_path / 'table3-out.ipynb'}.\n"
    )
    cells = json.loads((tmp_path / "table3-out.ipynb").read_text())["cells"]
    [error] = [o for c in cells for o in c.get("outputs", ()) if o["output_type"] == "error"]
    assert error["traceback"] == [f"SpecError: {error['evalue']}"]


def page(path: Path, source: str, kernel: str = "python3", language: str = "python") -> str:
    """Write a notebook with one cell of parameters and another of ``source``."""
    cells = [new_code_cell("seeds: list[int] = []  # s", metadata={"tags": ["parameters"]})]
    kernelspec = {"name": kernel, "display_name": kernel, "language": language}
    book = new_notebook(cells=[*cells, new_code_cell(source)], metadata={"kernelspec": kernelspec})
    path.write_text(nbformat.writes(book))
    return str(path)


def test_a_kernel_that_dies_is_one_sentence_and_the_page_is_kept(call, tmp_path):
    code, out, err = call(page(tmp_path / "dies.ipynb", "import os; os._exit(1)"))
    assert (code, out) == (1, [])
    assert err == (
        "error: the kernel of the page died; was it killed, or out of memory? The page up to there"
        f" is {tmp_path / 'dies-out.ipynb'}.\n"
    )
    assert len(json.loads((tmp_path / "dies-out.ipynb").read_text())["cells"]) == 2


@pytest.mark.parametrize(
    ("kernel", "language", "reason"),
    [
        ("none", "python", "No such kernel named none"),
        ("none", "cobol", "No parameter translator functions specified for kernel 'none' or"),
        ("", "python", "No kernel name found in notebook"),
        ("gone", "python", "[Errno 2] No such file or directory: '/none/python'"),
        ("fails", "python", "Kernel died before replying to kernel_info"),
    ],
)
def test_a_page_without_a_kernel_is_refused(call, tmp_path, monkeypatch, kernel, language, reason):
    for name, program in (("gone", "/none/python"), ("fails", "false")):
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": [program], "display_name": name, "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    path = page(tmp_path / "other.ipynb", "1", kernel, language)
    code, out, err = call(path, "-p", "seeds=1")
    assert (code, out) == (1, []) and err.count("\n") == 1
    assert err.startswith(f"error: {path} cannot be executed ({reason}")
    assert err.endswith(
        "; the kernel that its metadata name, such as python3, must be installed.\n"
    )
    assert not (tmp_path / "other-out.ipynb").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tabel3"], "unknown page 'tabel3'; did you mean 'table3'? Known: "),
        (["none.ipynb"], "none.ipynb cannot be read (No such file or directory)."),
        (["table3", "-p", "epochs=x"], "parameter 'epochs' must be int, not 'x'."),
        (["README.md.ipynb"], "is not a notebook with one cell of parameters (JSONDecodeError)."),
        (["table3", "--output", "/proc/a.ipynb"], "/proc cannot be written (No such file or"),
        (["pipe.ipynb"], "pipe.ipynb is not an ordinary file; give the file of a notebook."),
    ],
)
def test_what_is_no_page_is_refused(call, tmp_path, words, sentence):
    (tmp_path / "README.md.ipynb").write_text("# hello")
    os.mkfifo(tmp_path / "pipe.ipynb")
    code, out, err = call(*words)
    assert (code, out) == (1, []) and sentence in err and err.count("\n") == 1


def test_the_parameters_of_a_page_are_listed(call):
    code, out, err = call("table3", "--list")
    assert (code, err) == (0, "") and len(out) == len(TABLE3)
    assert out[2] == "seeds (list[int], default []): one run per seed; empty: the planned seeds"
