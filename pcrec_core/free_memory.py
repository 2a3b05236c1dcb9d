"""How much memory this process can still take, and whether an error means that it ran out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_UNKNOWN = 2**63
#: Control groups of version 2 and of version 1: the controllers in the list of a process's groups,
#: the folder, the files of the limit and of what is used, and what is cached of it.
_GROUPS = (
    ("", "", "memory.max", "memory.current", "file"),
    ("memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"),
)


def free_bytes() -> int:
    """Return the bytes that are free, a number above any memory where the system does not tell."""
    return max(0, min(_limits()))


def ran_out(error: Exception) -> bool:
    """Return whether memory ran out: torch has an error for a GPU, and a RuntimeError for a CPU."""
    # by its name, because reading needs no torch
    of_gpu = type(error).__name__ == "OutOfMemoryError"
    return isinstance(error, MemoryError) or of_gpu or "allocate memory" in str(error)


def _limits() -> Iterator[int]:
    yield in_kib("/proc/meminfo", "MemAvailable")
    try:
        import resource
    except ImportError:  # Windows has none
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    used = in_kib("/proc/self/status", "VmSize")
    if limit != resource.RLIM_INFINITY and used != _UNKNOWN:
        yield limit - used
    yield from group_limits(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))


def group_limits(root: Path, groups: Path) -> Iterator[int]:
    """Yield what is left in each control group of this process, up to the root."""
    for controllers, below, most, now, cache in _GROUPS:
        found = re.search(rf"^\d+:{controllers}:/(.*)$", _read(groups), re.M)
        whole = root / below / (found[1] if found else "")
        for folder in (whole, *whole.parents):
            limit, used = _read(folder / most).strip(), _read(folder / now).strip()
            if limit.isdecimal() and used.isdecimal():
                cached = re.search(rf"^{cache} (\d+)$", _read(folder / "memory.stat"), re.M)
                yield int(limit) - int(used) + int(cached[1] if cached else 0)


def in_kib(file: str, field: str) -> int:
    """Return a field of a file of /proc, which is in KiB, in bytes."""
    found = re.search(rf"^{field}:\s+(\d+) kB", _read(Path(file)), re.M)
    return int(found[1]) * 1024 if found else _UNKNOWN


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
