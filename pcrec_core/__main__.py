"""Run the command line: ``python -m pcrec_core``."""

import sys

from pcrec_core.study.cli import main

if __name__ == "__main__":
    sys.exit(main())
