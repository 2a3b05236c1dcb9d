"""MovieLens-100K: lines of user, item, rating and Unix time, separated by tabs."""

from __future__ import annotations

from pcrec_core.datasets.sources import Paths, RemoteFile, Source, Table
from pcrec_core.datasets.text import Layout, read_columns

_LAYOUT = Layout(columns=("user", "item", "rating", "time"), delimiter="\t",
                 kinds={"user": "integer", "item": "integer", "time": "integer"})


def read(paths: Paths) -> Table:
    """Ratings as interactions, the rating itself left out; ``DataError`` names the first bad line."""
    columns = read_columns(paths[0], _LAYOUT)
    return Table(*(columns[name].to_numpy() for name in ("user", "item", "time")))


ML_100K = Source(
    name="ml-100k", title="MovieLens-100K", read=read, has_time=True, repeats=False,
    files=(RemoteFile(
        name="ml-100k-u.data", bytes=1_979_173,
        sha256="06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
        urls=("https://files.grouplens.org/datasets/movielens/ml-100k/u.data",
              "https://files.grouplens.org/datasets/movielens/ml-100k.zip#ml-100k/u.data",
              "https://web.archive.org/web/2id_/https://files.grouplens.org/datasets/movielens/ml-100k/u.data"),
    ),),
    terms="For research; not to be redistributed without permission of GroupLens.",
    citation="The MovieLens Datasets: History and Context. ACM TiiS 5(4), 2015, doi:10.1145/2827872.",
)
