"""MovieLens as GroupLens publishes it; each rating is an interaction, its value is left out."""

from __future__ import annotations

import zipfile
import zlib

from pcrec_core.datasets.sources import Paths, RemoteFile, Source, Table
from pcrec_core.datasets.text import File, Layout, check_header, read_columns
from pcrec_core.errors import DataError

_WAYBACK = "https://web.archive.org/web/2id_/"
_LAYOUT = Layout(
    columns=("user", "item", "rating", "time"),
    delimiter="\t",
    kinds={"user": "integer", "item": "integer", "time": "integer"},
)
_LAYOUT_20M = Layout(
    columns=("userId", "movieId", "rating", "timestamp"),
    delimiter=",",
    header=True,
    kinds={"userId": "integer", "movieId": "integer", "timestamp": "integer"},
)
_RATINGS_20M = "ml-20m/ratings.csv"


def read(paths: Paths) -> Table:
    """Read tab-separated lines of user, item, rating and Unix time.

    Raises
    ------
    DataError
        A line is bad; the first one is named.
    """
    return _table(paths[0], _LAYOUT)


def read_20m(paths: Paths) -> Table:
    """Read the ratings in the zip archive: comma-separated, with a header.

    Raises
    ------
    DataError
        The archive is damaged, or a line is bad; the first one is named.
    """
    # The archive is verified as a whole: its members need no hash of their own.
    try:
        with zipfile.ZipFile(paths[0]) as archive:
            ratings = zipfile.Path(archive, archive.getinfo(_RATINGS_20M).filename)
            check_header(ratings, _LAYOUT_20M)
            return _table(ratings, _LAYOUT_20M)
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise DataError(
            f"{paths[0]} is no intact zip file with {_RATINGS_20M} in it ({error.args[0]}): take"
            " the original file."
        ) from None


def _table(path: File, layout: Layout) -> Table:
    columns = read_columns(path, layout)
    return Table(*(columns[name].to_numpy() for name in layout.kinds))


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
