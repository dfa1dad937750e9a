from flask import Flask, render_template_string

from cxloop.web.charts import Series, chart, percent


def test_a_line_has_a_gap_where_a_figure_is_missing_and_a_dot_for_each_that_is_not() -> None:
    drawn = chart(["a", "b", "c", "d"], [Series("Rate", [0.1, None, 0.2, 0.4])])
    assert drawn
    [line] = drawn.lines
    assert (line.path.count("M"), line.path.count("L"), line.dots.count("M")) == (2, 1, 3)
    assert drawn.rows == [("a", ["10 %"]), ("b", ["–"]), ("c", ["20 %"]), ("d", ["40 %"])]


def test_the_scale_ends_at_a_round_figure_above_the_highest() -> None:
    drawn = chart(["a", "b"], [Series("Rate", [0.0, 0.18])])
    assert drawn
    assert (drawn.bottom, drawn.middle, drawn.top) == ("0 %", "10 %", "20 %")
    assert drawn.lines[0].path == "M25.00 100.00L75.00 10.00"


def test_a_scale_that_need_not_begin_at_nothing_is_round_at_both_ends_also_for_one_figure() -> None:
    drawn = chart(["1"], [Series("Score", [0.73]), Series("Other", [0.61])], from_zero=False)
    assert drawn
    assert (drawn.bottom, drawn.top) == ("60 %", "80 %")
    flat = chart(["1"], [Series("Score", [1.0])], from_zero=False)
    assert flat
    assert (flat.bottom, flat.top) == ("90 %", "100 %")


def test_without_figures_there_is_no_chart() -> None:
    assert chart([], [Series("Rate", [])]) is None
    assert chart(["a"], [Series("Rate", [None])]) is None


def test_lines_are_told_apart_by_shape_and_the_table_has_every_figure(app: Flask) -> None:
    drawn = chart(["1", "2"], [Series("Sentiment", [0.7, 0.75]), Series("Causes", [0.6, 0.655])])
    source = '{% from "components/charts.html" import line_chart %}{{ line_chart("c", "Curve", drawn, "Version") }}'
    with app.test_request_context():
        markup = render_template_string(source, drawn=drawn)
    assert [line.shape for line in drawn.lines] == ["solid", "dotted"] if drawn else False
    assert "Curve: Sentiment (solid line) 75 % at the end, Causes (dotted line) 65.5 % at the end" in markup
    for figure in ("70 %", "75 %", "60 %", "65.5 %"):
        assert f">{figure}</td>" in markup


def test_shares_are_read_in_per_cent() -> None:
    assert [percent(share) for share in (0.0, 0.305, 1.0, None)] == ["0 %", "30.5 %", "100 %", "–"]
