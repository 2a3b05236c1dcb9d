"""MovieLens as GroupLens publishes it; each rating is an interaction, its value is left out."""

from __future__ import annotations

from pcrec_core.datasets.reading import fixed
from pcrec_core.datasets.reading.layout import Layout
from pcrec_core.datasets.sources import Paths, RemoteFile, Source, Table

_WAYBACK = "https://web.archive.org/web/2id_/"
_RATINGS_20M = "ml-20m/ratings.csv"


def read(paths: Paths) -> Table:
    """Read tab-separated lines of user, item, rating and Unix time.

    Raises
    ------
    DataError
        Lines are bad.
    """
    return _table(fixed.published(paths[0], "user item rating time", "user item time", sep="\t"))


def read_20m(paths: Paths) -> Table:
    """Read the ratings in the zip archive: comma-separated, with a header.

    Raises
    ------
    DataError
        The archive is damaged, or lines are bad.
    """
    # The archive is verified as a whole: its members need no hash of their own.
    return _table(
        fixed.published(
            paths[0],
            "userId movieId rating timestamp",
            "userId movieId timestamp",
            sep=",",
            header=True,
            member=_RATINGS_20M,
        )
    )


def _table(layout: Layout) -> Table:
    return Table(*(column.to_numpy() for column in fixed.read(layout)))


_TERMS = "For research; not to be redistributed without permission of GroupLens."
_CITATION = "The MovieLens Datasets: History and Context. ACM TiiS 5(4), 2015, doi:10.1145/2827872."

ML_100K = Source(
    name="ml-100k",
    title="MovieLens-100K",
    read=read,
    repeats=False,
    files=(
        RemoteFile(
            name="ml-100k-u.data",
            bytes=1_979_173,
            sha256="06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
            urls=(
                "https://files.grouplens.org/datasets/movielens/ml-100k/u.data",
                "https://files.grouplens.org/datasets/movielens/ml-100k.zip#ml-100k/u.data",
                f"{_WAYBACK}https://files.grouplens.org/datasets/movielens/ml-100k/u.data",
            ),
        ),
    ),
    terms=_TERMS,
    citation=_CITATION,
)
ML_20M = Source(
    name="ml-20m",
    title="MovieLens-20M",
    read=read_20m,
    repeats=False,
    files=(
        RemoteFile(
            name="ml-20m.zip",
            bytes=198_702_078,
            sha256="96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
            urls=(
                "https://files.grouplens.org/datasets/movielens/ml-20m.zip",
                f"{_WAYBACK}https://files.grouplens.org/datasets/movielens/ml-20m.zip",
            ),
        ),
    ),
    terms=_TERMS,
    citation=_CITATION,
)
