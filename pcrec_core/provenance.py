"""Where a record comes from: versions, commit, and the code as this process imported it. Standard library only.

The package imports this module before any other of its own, so the sources that are digested here are those that are
imported next. A commit or an edit that follows changes the tree, but not the code that the process runs.
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
    found = {}
    for path in _PACKAGE.rglob("*.py"):
        with suppress(OSError):  # it vanished, or an editor left a broken link
            found[path.relative_to(_PACKAGE).as_posix()] = hashlib.sha256(
                path.read_bytes()
            ).hexdigest()
    return dict(sorted(found.items()))


_IMPORTED = _sources()
#: Digest of the code as imported: 16 digits of the SHA-256 of what ``sha256sum`` prints for the sources below the
#: package, in the order of their paths. It matches a record to a commit where git could not be asked.
CODE = hashlib.sha256(
    "".join(f"{digest}  {path}\n" for path, digest in _IMPORTED.items()).encode()
).hexdigest()[:16]
#: The modules that were loaded when the sources were last seen unchanged. A reloaded module has another ``__spec__``.
_vouched: dict[str, Any] = {}


def sound() -> bool:
    """Say whether every loaded module of the package is of the code as first imported.

    This is so while the sources on disk are unchanged. Once they have changed, a module that is imported may be of other
    code, so it is vouched for no more; the modules that were loaded before stay sound.
    """
    loaded = {
        name: getattr(module, "__spec__", None)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == __package__
    }
    if _sources() == _IMPORTED:  # read after ``loaded``: what was imported before an edit is sound
        _vouched.update(loaded)
    return all(_vouched.get(name) is spec for name, spec in loaded.items())


def origin() -> dict[str, Any]:
    """Say which code this process runs: its digest, its commit, and whether it is ``clean``.

    Returns
    -------
    dict
        ``commit`` is None where no commit can be vouched for: git does not answer, does not know the sources, or was first
        asked when they had changed since their import. ``clean`` means that the commit holds exactly the code that is loaded,
        and that no tracked file differed from the commit.
    """
    commit, clean = _asked()
    return {"code": CODE, "commit": commit, "clean": clean and sound()}


def provenance() -> dict[str, Any]:
    """Say where a record comes from: versions, and the ``origin`` of the code."""
    packages = {
        name: metadata.version(name)
        for name in ("numpy", "torch", "pandas", "scipy")
        if _installed(name)
    }
    return {"python": sys.version.split()[0], "versions": packages, **origin()}


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


@functools.cache
def _asked() -> tuple[str | None, bool]:
    """Ask git for the commit and its cleanness; once, since a later commit is not that of the code in memory."""
    try:
        head, *changes = _git(
            "status", "--porcelain=v2", "--branch", "--untracked-files=no"
        )  # one moment for both
        tracked = _git("ls-files", "*.py")
    except (OSError, subprocess.CalledProcessError):
        return None, False
    commit = head.removeprefix("# branch.oid ")
    if not tracked or commit == "(initial)" or _sources() != _IMPORTED:  # read after git was asked
        return None, False
    return commit, set(tracked) == set(_IMPORTED) and all(line.startswith("#") for line in changes)


def _git(*words: str) -> list[str]:
    """Ask git in the folder of the package; the paths that it lists are relative to it."""
    answer = subprocess.run(
        ["git", "-C", str(_PACKAGE), *words], capture_output=True, text=True, check=True
    )
    return answer.stdout.splitlines()
