"""The machine as a record describes it, and torch with a number of threads."""

from __future__ import annotations

import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pcrec_core import free_memory
from pcrec_core.errors import TrainingError

if TYPE_CHECKING:
    import torch

    from pcrec_core.specs.run import RunSpec

_TORCH = threading.Lock()


def require_threads(threads: int) -> None:
    """Raise ``TrainingError`` unless torch can have that many threads."""
    if not 1 <= threads <= 1024:
        raise TrainingError(f"threads must be from 1 to 1024, not {threads}.")


@contextmanager
def torch_threads(threads: int, run: RunSpec | None = None) -> Iterator[None]:
    """Reserve torch for the calling thread, with a number of CPU threads.

    The generator and the thread count of torch belong to the process, so runs in several threads
    take turns.

    Parameters
    ----------
    threads : int
        CPU threads.
    run : RunSpec, optional
        The run that needs the memory.

    Raises
    ------
    TrainingError
        If the number is out of range, or there is not enough memory; it names the setting of the
        run to lower.
    """
    import torch

    require_threads(threads)
    with _TORCH:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not free_memory.ran_out(error):
                raise
            raise TrainingError(f"there is not enough memory; {_advice(error, run)}.") from error
        finally:
            torch.set_num_threads(before)


def _advice(error: Exception, run: RunSpec | None) -> str:
    """Return what to do about an allocation that failed in spite of the estimate."""
    import torch

    from pcrec_core import memory
    from pcrec_core.study.splits import split_for

    try:
        split = split_for(run) if run else None  # kept since it was loaded
    except (MemoryError, RuntimeError):  # the data alone do not fit
        split = None
    if not (run and split):
        return "use a machine with more of it"
    device = torch.device("cuda" if isinstance(error, torch.OutOfMemoryError) else "cpu")
    needs = memory.Needs.of(run, split, run.peers, device)
    return f"{memory.lower_first(needs)}, or use another device"


def processor() -> str:
    """Name the CPU and torch's vector instructions, which decide the last bits of a result."""
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    model = next(models, platform.machine())
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}"


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or ``cpu``."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def peak_bytes(device: torch.device) -> int:
    """Return the most memory, in bytes, that this process has held, earlier runs included."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # Windows has none, and trains no runs

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
