"""Text files of one ``user item`` pair a line, each user's lines in time order, as published with SASRec."""

from __future__ import annotations

from pcrec_core.datasets.sources import Paths, RemoteFile, Source, Table, github
from pcrec_core.datasets.text import Layout, read_columns

_LAYOUT = Layout(columns=("user", "item"), delimiter=" ", kinds={"user": "integer", "item": "integer"})


def read(paths: Paths) -> Table:
    """Pairs in file order, which is the order of time; ``DataError`` names the first bad line."""
    columns = read_columns(paths[0], _LAYOUT)
    return Table(columns["user"].to_numpy(), columns["item"].to_numpy())


ML_1M = Source(
    name="ml-1m", title="MovieLens-1M", read=read, repeats=False,
    files=(RemoteFile(
        name="ml-1m.txt", bytes=9_053_831,
        sha256="b725f3acb3986fe3130bffd1e77a74d182a1f51799567a236dbd60270f95b0a2",
        urls=github("kang205/SASRec", "master", "data/ml-1m.txt"),
    ),),
    terms="For research; not to be redistributed without permission of GroupLens.",
    citation="The MovieLens Datasets: History and Context. ACM TiiS 5(4), 2015, doi:10.1145/2827872; the file as"
             " published with Self-Attentive Sequential Recommendation, ICDM 2018, arXiv:1808.09781.",
)
