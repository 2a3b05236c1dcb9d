"""Run the command line: ``pcrec`` or ``python -m pcrec_core``."""

import sys


def main() -> int:
    """Run a command; one sentence instead of a traceback where a package is missing."""
    try:
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
