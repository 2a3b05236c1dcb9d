"""No two places of the package share more than ten lines of code."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import pcrec_core

PACKAGE = Path(pcrec_core.__file__).parent
MOST = 10
#: Tokens that are not code: layout and comments.
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def code_lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the code of each line, without docstrings, imports and lone brackets."""
    lines: dict[int, list[str]] = {}
    statement: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            statement.append((token.start[0], token.string))
        elif token.type == tokenize.NEWLINE:
            if len(statement) > 1 and statement[0][1] not in ("import", "from"):
                for number, text in statement:
                    lines.setdefault(number, []).append(text)
            statement = []
    for number, words in lines.items():
        if any(character.isalnum() for word in words for character in word):
            yield number, " ".join(words)


def repeated(sources: dict[str, str]) -> list[str]:
    """List the places of runs of more than ``MOST`` lines that also occur elsewhere."""
    first: dict[tuple[str, ...], str] = {}
    found = []
    for name, source in sources.items():
        lines = list(code_lines(source))
        for i in range(len(lines) - MOST):
            run = tuple(text for _, text in lines[i : i + MOST + 1])
            place = f"{name}:{lines[i][0]}"
            if (other := first.setdefault(run, place)) != place:
                found.append(f"{place} repeats {other}")
    return found


@pytest.mark.parametrize(("shared", "count"), [(MOST, 0), (MOST + 1, 1), (MOST + 2, 2)])
def test_shared_lines_are_found_whatever_stands_between_them(shared, count):
    body = [f"x{i} = f({i})" for i in range(shared)]
    other = "\n\n".join(f"    {line}  # differs" for line in body)
    sources = {
        "a.py": "import os\n" + "\n".join(body) + "\nend = 1\n",
        "b.py": f'def g():\n    """A docstring."""\n{other}\n',
    }
    assert len(repeated(sources)) == count


def test_no_two_places_of_the_package_share_more_than_ten_lines():
    paths = sorted(PACKAGE.rglob("*.py"))
    sources = {str(p.relative_to(PACKAGE)): p.read_text(encoding="utf-8") for p in paths}
    assert len(sources) > 200
    assert repeated(sources) == []
