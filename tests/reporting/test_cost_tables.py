"""The cost page: its tables, its ratios by hand, and the committed measurements."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from stats_support import plain

from pcrec_core.analysis import cost
from pcrec_core.errors import DataError
from pcrec_core.reporting import cost_formats, cost_tables, figures

MODES = """case,seconds,training,exchange,megabytes,processes,weights,fastest,slowest,rounds,\
machine,torch
"SASRec, one model",10,8,0,400,1,1000,9,11,3,Chip,2.0
"SASRec, a pair in turn",20,17,0.5,410,1,1000,20,20,3,Chip,2.0
"SASRec, a pair, one process per peer",12,9,0.6,380,2,1000,12,14,3,Chip,2.0
"BPR, one model",30,9,0,800,1,2000000,30,30,1,Chip,2.0
"BPR, a pair in turn",60,18,1,825,1,2000000,60,60,1,Chip,2.0
"BPR, a pair, one process per peer",40,10,1,790,2,2000000,40,40,1,Chip,2.0
"8 runs, one worker",30,20,0,400,1,500,30,30,3,Chip,2.0
"8 runs, two workers",20,20,0,400,1,500,20,20,3,Chip,2.0
"ranking, one peer",2,,,,,1000,2,2,3,Chip,2.0
"ranking, ensemble of 2",4.2,,,,,2000,4,5,3,Chip,2.0
"ranking, ensemble of 3",6,,,,,3000,6,6,3,Chip,2.0
"""
BENCHMARKS = """case,ours_seconds,reference_seconds,ratio,target,second_ratio,spread,repetitions,\
floor_seconds,ours_megabytes,reference_megabytes,threads,machine,torch
a step,0.05,0.15,3,2.5 x,,0.04,20,0.02,85,171,1,Chip,2.0
ranking,2,8,4,10 x,1.5,0.01,3,1.6,20,300,1,Chip,2.0
loading,9.5,,,20 s,,,1,,2000,,1,Chip,2.0
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "modes.csv").write_text(MODES)
    (tmp_path / "benchmarks.csv").write_text(BENCHMARKS)
    (tmp_path / "profiles.csv").write_text(
        "case,operation,share\na step,mm,0.75\na step,others,0.25\nranking,mm,1\n"
    )
    return str(tmp_path)


def cells(shown) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", plain(shown._repr_html_()))
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_the_ratios_of_the_sentences_by_hand(folder):
    values = cost_formats.format_modes(cost.measured("modes", folder))
    assert {key: plain(value) for key, value in values.items()} == {
        "cost-serial": "2.1",
        "cost-parallel": "1.1",
        "cost-serial-wall": "2.0",
        "cost-parallel-wall": "1.2",
        "cost-exchange": "2.5 %",
        "cost-state": "24",
        "cost-one-memory": "800",
        "cost-serial-peak": "1.0",
        "cost-parallel-peak": "2.0",
        "cost-serial-memory": "825",
        "cost-parallel-memory": "1,580",
        "cost-workers": "1.5",
        "cost-ensemble-2": "2.1",
        "cost-ensemble-3": "3.0",
    }


def test_a_table_shows_its_own_cases_and_the_columns_it_is_asked_for(folder):
    modes = cost.measured("modes", folder)
    shown = cost_tables.show_modes(modes, "SASRec,", ["seconds", "range", "training", "exchange"])
    assert cells(shown)[0] == [
        "case",
        "seconds",
        "range",
        "seconds of training",
        "seconds of merging",
    ]
    pair = "a pair, one process per peer"
    assert cells(shown)[3] == [f"SASRec, {pair}", "12.0", "12.0 to 14.0", "9.00", "0.60"]
    bpr = cells(cost_tables.show_modes(modes, "BPR,", ["processes", "megabytes"]))
    assert bpr[3] == [f"BPR, {pair}", "2", "790"]
    assert "Median of 3 rounds on Chip; torch 2.0." in shown._repr_html_()
    assert "cost-sasrec.csv" in shown._repr_html_()
    assert cells(cost_tables.show_modes(modes, "ranking,", ["seconds", "range", "weights"])) == [
        ["case", "seconds", "range", "weights"],
        ["ranking, one peer", "2.00", "\N{EN DASH}", "1,000"],
        ["ranking, ensemble of 2", "4.20", "4.00 to 5.00", "2,000"],
        ["ranking, ensemble of 3", "6.00", "\N{EN DASH}", "3,000"],
    ]


def test_a_benchmark_has_its_ratio_target_and_floor(folder):
    shown = cost_tables.show_benchmarks(cost.measured("benchmarks", folder))
    assert cells(shown)[1:] == [
        ["a step", "50.0 / 150", "3.00", "2.5 x", "\N{EN DASH}", "40 %", "85 / 171"],
        ["ranking", "2,000 / 8,000", "4.00", "10 x", "1.50", "80 %", "20 / 300"],
        [
            "loading",
            "9,500",
            "\N{EN DASH}",
            "20 s",
            "\N{EN DASH}",
            "\N{EN DASH}",
            "2,000",
        ],
    ]
    assert "1 thread per side; Chip; torch" in shown._repr_html_()


def test_a_profile_is_one_line_per_case(folder):
    shown = cells(cost_tables.show_profiles(cost.measured("profiles", folder)))
    assert shown[1:] == [["a step", "mm 75 %, others 25 %"], ["ranking", "mm 100 %"]]


def test_the_bars_are_shares_of_the_reference_and_leave_out_what_has_none(folder):
    axes = figures.cost.cost_bars(cost.measured("benchmarks", folder)).axes[0]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([100 / 3, 25, 100 * 0.02 / 0.15, 20])  # ours, then the floors
    [target] = [line for line in axes.lines if line.get_label() == "target"]
    assert list(target.get_xdata()) == pytest.approx([40, 10])
    middle = "the middle half of repetitions"
    [(_, _, [bars])] = [one for one in axes.containers if one.get_label() == middle]
    ends = [[x for x, _ in segment] for segment in bars.get_segments()]
    step, ranking = 100 / 3, 25
    assert ends[0] == pytest.approx([step * 0.98, step * 1.02])
    assert ends[1] == pytest.approx([ranking * 0.995, ranking * 1.005])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a step", "ranking"]


def test_costs_are_relative_to_one_model(folder):
    train, memory, rank = figures.cost.ratios(cost.measured("modes", folder)).axes
    widths = [[bar.get_width() for bar in axes.patches] for axes in (train, memory, rank)]
    modes = cost.measured("modes", folder).set_index("case")
    one, pair = (modes["training"][f"SASRec, {case}"] for case in ("one model", "a pair in turn"))
    assert widths[0][:2] == pytest.approx([1, pair / one])
    assert widths[1][0] == 1 and widths[2] == pytest.approx([1, 2.1, 3])
    assert train.get_title() == "time to train (SASRec)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (.*No such file.*); make it with: python -m benchmarks.modes"),
        ("", "cannot be read (.*); make it with: python -m benchmarks.modes"),
        (
            "name\nx\n",
            "has no column 'case' or no row; make it anew with: python -m benchmarks.modes",
        ),
        ("case\n", "has no column 'case' or no row; make it anew with"),
    ],
)
def test_a_file_that_is_no_table_of_measurements_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "modes.csv").write_text(content)
    pattern = "modes.csv " + message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(DataError, match=pattern):
        cost.measured("modes", str(tmp_path))


def test_an_unknown_table_is_named_with_the_nearest():
    with pytest.raises(
        DataError, match="unknown table of measurements 'mode'; did you mean 'modes'"
    ):
        cost.measured("mode")


def test_the_committed_measurements_are_whole():
    pytest.importorskip("torch")
    from benchmarks.cases import all_cases

    benchmarks, profiles, modes = (cost.measured(name) for name in cost.COMMANDS)
    exact = benchmarks[benchmarks["ratio"].notna() & ~benchmarks["case"].str.endswith("bf16")]
    assert len(exact) == len(list(all_cases())) == profiles["case"].nunique()
    assert benchmarks["case"].is_unique
    assert (benchmarks["repetitions"] >= 1).all()
    assert (exact["repetitions"] >= 3).all()
    assert exact["ratio"].to_numpy() == pytest.approx(
        (exact["reference_seconds"] / exact["ours_seconds"]).to_numpy(), rel=1e-3
    )
    assert profiles.groupby("case")["share"].sum().to_numpy() == pytest.approx(1, abs=0.02)
    assert set(cost_formats.format_modes(modes)) >= {"cost-serial", "cost-parallel"}
    assert modes["case"].is_unique
    for frame in (benchmarks, modes):
        assert len(frame[["machine", "torch"]].drop_duplicates()) == 1
        assert frame["machine"].notna().all()
