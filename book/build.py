"""Execute the notebooks, lay them out beside the prose, build the pages and read them."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from book import check, computed, datatables, fold, front, launch, numbers
from pcrec_core.errors import FileError
from pcrec_core.paths import ROOT, records
from pcrec_core.writing import write_whole

NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "_build"
AT_A_TIME = 2
#: One output for one stream, however its parts arrive; and no talk of how a kernel is reached.
CLIENT = {"coalesce_streams": True, "extra_arguments": ["--log-level=ERROR"]}
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}


def main(arguments: list[str] | None = None) -> None:
    """Run ``python -m book.build book [--stored] | notebooks``; exit with 1 on failure."""
    parser = argparse.ArgumentParser(prog="python -m book.build", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    book = commands.add_parser("book", help="build the book into _build/html")
    book.add_argument(
        "--stored",
        action="store_true",
        help="from the notebooks' stored outputs, executing nothing",
    )
    commands.add_parser(
        "notebooks", help="execute the notebooks where they are, for those who write them"
    )
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two kernels share the cores
    if given.command == "notebooks":
        execute(NOTEBOOKS)
        print("The notebooks hold the outputs of this run: look at git diff.")
        return
    os.environ["PCREC_NO_TRAINING"] = (
        "1"  # a book shows committed records: a missing one is an error
    )
    build(BUILD, stored=given.stored)
    print(
        f"The book is built: open {(BUILD / 'html' / 'index.html').relative_to(ROOT)} in a browser."
    )


def build(folder: Path, *, stored: bool) -> None:
    """Build the book into ``folder``/html from a clean tree, and read what was built.

    Parameters
    ----------
    folder : Path
        Where the staged sources (stage) and the pages (html) go; earlier ones are removed.
    stored : bool
        Take the outputs stored in the notebooks instead of executing them.
    """
    for name in ("stage", "html", ".doctrees", "jupyter_execute"):
        shutil.rmtree(folder / name, ignore_errors=True)
    stage(folder / "stage")
    if not stored:
        execute(folder / "stage" / "notebooks")
    finish(folder / "stage")
    print("Building the pages ...", flush=True)
    pages(folder)
    if found := check.problems(folder / "html", ROOT / "_toc.yml"):
        raise SystemExit(
            "The pages were built, but are not right:\n"
            + "\n".join(f"  {problem}" for problem in found)
        )


def stage(folder: Path) -> None:
    """Copy the book's sources to a tree of their own, so that a build changes no tracked file."""
    folder.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "book",
        folder / "book",
        ignore=shutil.ignore_patterns("*.py", "__pycache__", "_static"),
    )
    shutil.copytree(ROOT / "book" / "_static", folder / "_static")
    shutil.copytree(
        NOTEBOOKS,
        folder / "notebooks",
        ignore=lambda _, names: {n for n in names if n[-6:] != ".ipynb"},
    )
    shutil.copytree(records(), folder / "_extra" / "records")
    datatables.bring(folder / "_static")


def finish(folder: Path) -> None:
    """Fold code, fill in what is computed, number what has a caption, and add the buttons."""
    for path in sorted((folder / "notebooks").glob("*.ipynb")):
        notebook = fold.fold_code(nbformat.read(path, as_version=4), path.stem)  # type: ignore[no-untyped-call] # nbformat has no types
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call] # as above
    front.draw_figures(folder / "book" / "figures")
    computed.fill(folder / "book")
    numbers.number(folder)
    launch.add_buttons(folder / "_config.yml", os.environ)


def pages(folder: Path) -> None:
    """Run jupyter-book on the staged sources; every warning is an error."""
    program = Path(sys.executable).with_name("jupyter-book")
    command: list[str | Path] = [
        program,
        "build",
        folder / "stage",
        "--path-output",
        folder.parent,
        "-W",
        "-n",
        "--keep-going",
        "--quiet",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}  # our extension is of the project
    # Warnings go to stderr.
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)
    if done.returncode:
        raise SystemExit("jupyter-book could not build the pages without a warning: see above.")


def execute(folder: Path) -> None:
    """Execute every notebook of ``folder`` and write its outputs into it, whole or not at all.

    Raises
    ------
    SystemExit
        With notebook, cell and error of each one that failed; those stay as they were.
    """
    notebooks = sorted(folder.glob("*.ipynb"))
    failures = []
    with ProcessPoolExecutor(AT_A_TIME) as pool:
        runs = [pool.submit(_execute_one, path) for path in notebooks]
        for done, run in enumerate(as_completed(runs), start=1):
            sentence, failed = run.result()
            print(f"[{done}/{len(runs)}] {sentence}", flush=True)
            failures += [sentence] * failed
    if failures:
        raise SystemExit("\n".join(["Not every notebook ran:", *failures]))


def _execute_one(path: Path) -> tuple[str, bool]:
    """Execute a notebook; return a sentence on how it ran, and whether it failed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / path.name
        try:
            papermill.execute_notebook(path, output, cwd=path.parent, progress_bar=False, **CLIENT)
        except PapermillExecutionError as error:
            reason = re.sub(r"\s+", " ", error.evalue)
            return f"{path.name}, cell {error.exec_count}: {error.ename}: {reason}", True
        except Exception as error:  # a dead kernel, a file that is not a notebook
            return f"{path.name}: {type(error).__name__}: {error}", True
        notebook = clean(nbformat.read(output, as_version=4))  # type: ignore[no-untyped-call] # nbformat has no types
    try:
        write_whole(path, nbformat.writes(notebook).encode())  # type: ignore[no-untyped-call] # as above
    except FileError as error:
        return f"{path.name}: {error}", True
    return f"{path.name} in {time.monotonic() - began:.0f} s", False


def clean(notebook: NotebookNode) -> NotebookNode:
    """Remove what differs between two runs or two machines: times, paths, versions."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.update(kernelspec=KERNELSPEC, language_info=LANGUAGE)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    return notebook


if __name__ == "__main__":
    main()
