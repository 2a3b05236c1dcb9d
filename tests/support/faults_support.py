"""Faults that tests do for real: processes that are killed, files that may not grow."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_SERVER = get_context("forkserver")
#: What a child of the server need not import again.
_SERVER.set_forkserver_preload(["pcrec_core.trainer", "pcrec_core.study.train", "pooch"])


def child(function: Callable[..., Any], *args: Any) -> BaseProcess:
    """Begin a module's function in a process of its own, with the environment of this one."""
    process = _SERVER.Process(target=_begin, args=(dict(os.environ), function, args))
    process.start()
    return process


def _begin(environment: dict[str, str], function: Callable[..., Any], args: tuple) -> None:
    os.environ.update(environment)
    function(*args)


def killed(process: BaseProcess) -> bool:
    """Wait for the end of a process, and return whether it was killed with SIGKILL."""
    process.join(120)
    return process.exitcode == -signal.SIGKILL


def kill_at(folder: Path, moment: int) -> None:
    """Kill this process at the renames below ``folder``: 0 before the first, 1 after it, ..."""
    count, replace = iter(range(moment + 2)), os.replace

    def watched(source: Any, target: Any) -> None:
        if not Path(target).is_relative_to(folder):
            return replace(source, target)
        for step in (lambda: None, lambda: replace(source, target)):
            step()
            if next(count) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        return None

    os.replace = watched


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def peak_of(folder: Path, work: Callable[[], object]) -> None:
    """Do some work, and write how many bytes this process then held at most to ``folder/peak``."""

    def held(field: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))

    before = held("VmRSS")
    work()
    (folder / "peak").write_text(str(held("VmHWM") - before))
