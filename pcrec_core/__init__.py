"""PCRec, reproduced: peer collaboration for top-N recommendation (SIGIR 2022).

The way of the data: ``datasets`` -> ``trainer`` -> ``records`` -> ``stats`` and ``report``. ``spec`` says what to train,
``study.run`` reads or trains it. Reading needs no torch.
"""

from pcrec_core import (
    provenance as provenance,
)  # before all else: it digests the sources that are imported next

__version__ = "0.1.0"
