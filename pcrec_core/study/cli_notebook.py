"""The command ``notebook``: run a page with other parameters, by papermill."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pcrec_core import errors, paths
from pcrec_core.errors import FileError, PCRecError, SpecError, require, require_known
from pcrec_core.study.cli_options import path
from pcrec_core.study.parameters import Parameter, declared
from pcrec_core.study.set_values import pairs
from pcrec_core.study.terminal import say
from pcrec_core.writing import require_writable, write_whole

_SCALARS = {"str": str, "int": int, "float": float}


def add_notebook(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add("name", metavar="NAME", help="of the page, such as table3, or the path of a notebook")
    add(
        "-p",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        dest="given",
        help="parameters; items of a list are separated by commas: seeds=0,1 (none: seeds=)",
    )
    add("--output", type=path, metavar="FILE", help="where the executed page goes (NAME-out.ipynb)")
    add("--list", action="store_true", help="list the parameters: name, type, default, help")
    parser.set_defaults(command=_notebook)


def _notebook(options: argparse.Namespace) -> None:
    source = _find(options.name)
    known = parameters(source)
    if options.list:
        for name, (kind, default, text) in known.items():
            say(f"{name} ({kind}, default {default!r}): {text}")
        return
    given = parse(options.given, known)
    output = options.output or paths.given(f"{source.stem}-out.ipynb")
    require(output != source, f"{output} is the notebook itself: give another --output.")
    require_writable(output.parent)
    with tempfile.TemporaryDirectory() as folder:
        # papermill writes the page anew after each cell
        made = Path(folder) / source.name
        error = _execute(source, made, given)
        write_whole(output, made.read_bytes())
    if error:
        raise PCRecError(f"{error} The page up to there is {output}.")
    say(f"page      {output}")


def _find(name: str) -> Path:
    """Return the notebook of that name, or raise an error that suggests the nearest."""
    if name.endswith(".ipynb"):
        return paths.given(name)
    folder = paths.data().parent / "notebooks"
    require_known("page", name, sorted(found.stem for found in folder.glob("*.ipynb")))
    return folder / f"{name}.ipynb"


def parameters(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters that the first code cell declares, by name.

    Raises
    ------
    FileError
        If the file cannot be read, or is not a notebook with parameters.
    """
    if notebook.exists() and not notebook.is_file():
        raise FileError(f"{notebook} is not an ordinary file; give the file of a notebook.")
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        [source] = ["".join(c["source"]) for c in cells if "parameters" in _tags(c)]
        return declared(source)
    except OSError as error:
        raise FileError(f"{notebook} cannot be read ({error.strerror or error}).") from None
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise FileError(
            f"{notebook} is not a notebook with one cell of parameters ({type(error).__name__})."
        ) from None


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", ()))


def parse(words: list[str], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the values of words such as ``seeds=0,1``, in the types that are declared.

    Examples
    --------
    >>> parse(["seeds=0,1", "csv="], {n: Parameter(k, None, "") for n, k in
    ...                               [("seeds", "list[int]"), ("csv", "str")]})
    {'seeds': [0, 1], 'csv': ''}
    """
    values: dict[str, Any] = {}
    for name, text in pairs(words, "-p", "seeds=0,1", "parameter", known).items():
        kind = known[name].kind
        item = kind.removeprefix("list[").removesuffix("]")
        if item == kind:
            values[name] = _value(name, text, kind)
        else:
            items = text.strip("[]").split(",") if text.strip("[]") else []
            values[name] = [_value(name, each.strip(), item) for each in items]
    return values


def _value(name: str, text: str, kind: str) -> Any:
    if kind == "bool":
        require(text in ("true", "false"), f"parameter {name!r} is true or false, not {text!r}.")
        return text == "true"
    require_known("type of a parameter", kind, _SCALARS)
    try:
        return _SCALARS[kind](text)
    except ValueError:
        raise SpecError(f"parameter {name!r} must be {kind}, not {text!r}.") from None


def _execute(source: Path, made: Path, given: Mapping[str, Any]) -> str:
    """Execute the notebook into ``made``, and return the one sentence of a page's error."""
    try:
        import papermill
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient.exceptions import DeadKernelError
        from papermill.exceptions import PapermillException, PapermillExecutionError
    except ImportError:
        raise FileError(
            "a page needs the package papermill: pip install 'pcrec_core[book]'."
        ) from None
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # an error is one sentence
    terminal = sys.stderr.isatty()
    options = {"progress_bar": terminal, "stderr_file": sys.stderr, "log_output": False}
    try:
        papermill.execute_notebook(
            source, made, dict(given), extra_arguments=["--log-level=CRITICAL"], **options
        )
    except PapermillExecutionError as error:
        if isinstance(getattr(errors, error.ename, None), type):
            return str(error.evalue)
        return f"{error.ename}: {str(error.evalue).removesuffix('.')}."
    except DeadKernelError:
        return "the kernel of the page died; was it killed, or out of memory?"
    except (NoSuchKernel, PapermillException, ValueError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.filename in (None, str(made)):
            raise FileError(f"{made} cannot be written ({error.strerror or error}).") from None
        if isinstance(error, RuntimeError) and "kernel" not in str(error).lower():
            raise
        raise FileError(
            f"{source} cannot be executed ({str(error).removesuffix('.')}); the kernel that its"
            " metadata name, such as python3, must be installed."
        ) from None
    return ""
