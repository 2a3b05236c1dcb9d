"""Mark the tests, so that ``make quick`` can leave out what takes long.

``book`` and ``dask`` follow from where a test stands; ``slow`` is listed here. A test is slow if it
takes more than about two seconds on a quiet core.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent / "tests"
#: Files whose tests start processes or train to the end.
SLOW_FILES = (
    "benchmarks/test_benchmarks_ml20m.py",
    "benchmarks/test_gpu.py",
    "core/test_provenance.py",
    "core/test_writing.py",
    "datasets/test_datasets_downloads.py",
    "examples/test_your_model.py",
    "study/test_cli_notebook.py",
    "study/test_executors.py",
    "study/test_fuzz.py",
    "study/test_many_items.py",
    "study/test_places.py",
    "study/test_signals.py",
    "study/test_killed.py",
    "test_installed.py",
    "training/test_parallel.py",
    "training/test_resume.py",
)
#: Single tests of other files, by name.
SLOW_TESTS = (
    "test_a_run_takes_what_was_estimated",
    "test_under_a_limit_of_2_gb_nothing_is_killed_that_was_foreseen",
    "test_a_person_trains_reads_and_shows",
    "test_every_flipped_byte_is_refused_by_name_or_has_no_meaning",
    "test_every_flipped_bit_and_every_cut_of_a_checkpoint_is_refused",
    "test_papermill_stops_at_a_string_where_a_list_belongs",
    "test_papermill_stops_at_a_typo_with_exit_code_1",
    "test_the_book_is_built_from_stored_outputs_without_torch",
    "test_the_command_line_of_every_committed_record_means_its_spec",
)
#: Tests of the book's folder that build and execute nothing.
QUICK_PAGES = ("book/test_citations.py", "book/test_project.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the markers of its folder, its file and its name."""
    for item in items:
        if not item.path.is_relative_to(TESTS):
            continue
        place = item.path.relative_to(TESTS).as_posix()
        if place.startswith("book/") and place not in QUICK_PAGES:
            item.add_marker(pytest.mark.book)
        if place.endswith("test_executors_dask.py"):
            item.add_marker(pytest.mark.dask)
        if place in SLOW_FILES or item.name.partition("[")[0] in SLOW_TESTS:
            item.add_marker(pytest.mark.slow)
