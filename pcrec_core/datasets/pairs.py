"""Text files of one ``user item`` pair per line, as published with SASRec and BERT4Rec.

Each user's lines are in time order.
"""

from __future__ import annotations

from pcrec_core.datasets.reading import fixed
from pcrec_core.datasets.sources import Paths, RemoteFile, Source, Table, github


def read(paths: Paths) -> Table:
    """Read pairs in file order, which is time order; ``DataError`` names the bad lines."""
    users, items = fixed.read(fixed.published(paths[0], "user item", "user item", sep=" "))
    return Table(users.to_numpy(), items.to_numpy())


_AMAZON = (
    "Image-based Recommendations on Styles and Substitutes. SIGIR 2015, arXiv:1506.04757; the file"
    " as published with "
)

ML_1M = Source(
    name="ml-1m",
    title="MovieLens-1M",
    read=read,
    repeats=False,
    files=(
        RemoteFile(
            name="ml-1m.txt",
            bytes=9_053_831,
            sha256="b725f3acb3986fe3130bffd1e77a74d182a1f51799567a236dbd60270f95b0a2",
            urls=github("kang205/SASRec", "master", "data/ml-1m.txt"),
        ),
    ),
    terms="For research; not to be redistributed without permission of GroupLens.",
    citation="The MovieLens Datasets: History and Context. ACM TiiS 5(4), 2015,"
    " doi:10.1145/2827872; the file as published with Self-Attentive Sequential Recommendation,"
    " ICDM 2018, arXiv:1808.09781.",
)
BEAUTY = Source(
    name="beauty",
    title="Amazon Beauty",
    read=read,
    repeats=False,
    files=(
        RemoteFile(
            name="beauty.txt",
            bytes=3_912_093,
            sha256="f480b7a7403852342ffd8f9809bb30697dd669be31813d0e204b698fec86ef49",
            urls=github("FeiSun/BERT4Rec", "master", "data/beauty.txt"),
        ),
    ),
    terms="For research.",
    citation=_AMAZON + "BERT4Rec, CIKM 2019, arXiv:1904.06690.",
)
VIDEO_GAMES = Source(
    name="video-games",
    title="Amazon Video Games",
    read=read,
    repeats=False,
    files=(
        RemoteFile(
            name="Video.txt",
            bytes=3_187_124,
            sha256="b7376fe24430743f411dc7f567285657b2adb3f74361cc7ba0aee94f3024b651",
            urls=github("kang205/SASRec", "master", "data/Video.txt"),
        ),
    ),
    terms="For research.",
    citation=_AMAZON + "Self-Attentive Sequential Recommendation, ICDM 2018, arXiv:1808.09781.",
)
