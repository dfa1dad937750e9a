from flask import Flask, render_template_string

from cxloop.web.why import Segment, why

NAMES = {"lost_damaged": "Lost or damaged", "negative": "negative"}


def test_the_text_is_cut_where_spans_begin_and_end_and_may_overlap() -> None:
    found = why("I am so angry, it is lost.", [[5, 25, 0.4, "negative"], [15, 25, 0.3, "lost_damaged"]], NAMES)
    assert found
    assert found.segments == [
        Segment("I am "),
        Segment("so angry, ", (1,), ("sentiment",)),
        Segment("it is lost", (1, 2), ("sentiment", "cause")),
        Segment("."),
    ]
    assert "".join(segment.text for segment in found.segments) == "I am so angry, it is lost."
    assert [(moved.number, moved.kind, moved.name) for moved in found.legend] == [
        (1, "sentiment", "negative"),
        (2, "cause", "Lost or damaged"),
    ]


def test_the_sentiment_comes_first_and_then_the_cause_that_was_moved_most() -> None:
    spans = [[0, 1, 0.2, "wait_time"], [1, 2, 0.9, "lost_damaged"], [2, 3, 0.1, "negative"]]
    found = why("abc", spans, NAMES)
    assert found
    assert [moved.name for moved in found.legend] == ["negative", "Lost or damaged", "wait time"]


def test_spans_beyond_the_text_empty_ones_and_those_against_a_label_are_left_out() -> None:
    assert why("abc", [[0, 4, 1.0, "negative"], [2, 2, 1.0, "negative"], [0, 2, -0.5, "negative"]], NAMES) is None
    assert why("abc", [], NAMES) is None


def test_the_marks_are_told_apart_without_colour_and_the_words_stay_words(app: Flask) -> None:
    text = "<b>late</b> & lost"
    found = why(text, [[0, 11, 0.5, "negative"], [14, 18, 0.5, "lost_damaged"]], NAMES)
    with app.test_request_context():
        markup = render_template_string('{% from "components/why.html" import words %}{{ words(why) }}', why=found)
    assert '<mark class="why why--sentiment">&lt;b&gt;late&lt;/b&gt;</mark><sup class="why__number">1</sup>' in markup
    assert '<mark class="why why--cause">lost</mark><sup class="why__number">2</sup>' in markup
    assert "solid line: the sentiment" in markup
    assert "dotted line: the cause" in markup
