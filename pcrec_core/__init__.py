"""PCRec, reproduced: peer collaboration for top-N recommendation (SIGIR 2022).

The method comes first: ``criteria`` (Eq. 1 to 4), ``layers`` (Section 3.3), ``cooperation``
(Eq. 5 to 9), ``trainer`` (Algorithms 1 and 2) and ``evaluation`` (Section 4.4). The folders hold
the rest: ``models``, ``training``, ``specs`` (what to run), ``datasets``, ``study`` (train or read
runs), ``analysis`` and ``reporting``. Reading results needs no torch.
"""

# Imported before all else, because it digests the sources that are imported next.
from pcrec_core import provenance as provenance

__version__ = "0.2.0"
