"""Provenance of a record: versions, commit, and the code as this process imported it.

The package imports this module before any other of its own, so the sources that are digested here
are those that are imported next. A later commit or edit changes the tree, but not the code that the
process runs. This module uses the standard library only.
"""

from __future__ import annotations

import functools
import hashlib
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent


def _sources() -> dict[str, str]:
    """Digest each source file of the package as it is on disk now, in the order of the paths."""
    digests = {}
    for path in _PACKAGE.rglob("*.py"):
        # A file may vanish meanwhile, and an editor may leave a broken link.
        with suppress(OSError):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            digests[path.relative_to(_PACKAGE).as_posix()] = digest
    return dict(sorted(digests.items()))


_IMPORTED = _sources()
#: Digest of the code as imported: 16 digits of the SHA-256 of what ``sha256sum`` prints for the
#: sources below the package, in the order of their paths. It matches a record to a commit where git
#: could not be asked.
CODE = hashlib.sha256(
    "".join(f"{digest}  {path}\n" for path, digest in _IMPORTED.items()).encode()
).hexdigest()[:16]
#: The ``__spec__`` of each module that was loaded when the sources were last found unchanged. A
#: reloaded module has another one.
_vouched: dict[str, Any] = {}


def sound() -> bool:
    """Check that every loaded module of the package is of the code as first imported.

    This holds while the sources on disk are unchanged. Once they have changed, a module that is
    imported may be of other code and is not vouched for; the modules that were loaded before stay
    sound.
    """
    loaded = {
        name: getattr(module, "__spec__", None)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == __package__
    }
    # The sources are read after ``loaded``, so what was imported before an edit is sound.
    if _sources() == _IMPORTED:
        _vouched.update(loaded)
    return all(_vouched.get(name) is spec for name, spec in loaded.items())


def origin() -> dict[str, Any]:
    """Return which code this process runs: its digest, its commit, and whether it is ``clean``.

    Returns
    -------
    dict
        ``code`` is the digest ``CODE``. ``commit`` is None where no commit can be vouched for: git
        does not answer, does not know the sources, or was first asked after they had changed since
        their import. ``clean`` means that the commit holds exactly the code that is loaded, and
        that no tracked file differed from the commit.
    """
    commit, clean = _asked()
    return {"code": CODE, "commit": commit, "clean": clean and sound()}


def provenance() -> dict[str, Any]:
    """Return the versions of Python and of the main packages, and the ``origin`` of the code."""
    versions = {}
    for name in ("numpy", "torch", "pandas", "scipy"):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {"python": sys.version.split()[0], "versions": versions, **origin()}


@functools.cache
def _asked() -> tuple[str | None, bool]:
    """Ask git for the commit and whether it is clean.

    This is done once, because a later commit is not that of the code in memory.
    """
    try:
        # One command, so that the commit and the changes are of one moment.
        head, *changes = _git("status", "--porcelain=v2", "--branch", "--untracked-files=no")
        tracked = _git("ls-files", "*.py")
    except (OSError, subprocess.CalledProcessError):
        return None, False
    commit = head.removeprefix("# branch.oid ")
    # The sources are read after git was asked, so a change before that is noticed.
    if not tracked or commit == "(initial)" or _sources() != _IMPORTED:
        return None, False
    return commit, set(tracked) == set(_IMPORTED) and all(line.startswith("#") for line in changes)


def _git(*words: str) -> list[str]:
    """Run git in the folder of the package and return its lines; paths are relative to it."""
    answer = subprocess.run(
        ["git", "-C", str(_PACKAGE), *words], capture_output=True, text=True, check=True
    )
    return answer.stdout.splitlines()
