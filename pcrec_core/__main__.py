"""Run the command line: ``pcrec`` or ``python -m pcrec_core``."""

from __future__ import annotations

import sys

from pcrec_core.training import interrupts


def main() -> int:
    """Run a command; one sentence instead of a traceback where a package is missing.

    A signal ends it with one sentence, too, also while its modules are loaded.
    """
    try:
        with interrupts.raising():
            with interrupts.leaving():
                from pcrec_core.study.cli import main as run
            return run()
    except ModuleNotFoundError as error:
        print(
            f"error: {error}; pip install 'pcrec_core[study]' brings what training, reading and"
            " reports need.",
            file=sys.stderr,
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())
