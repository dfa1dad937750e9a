"""Dates as exports write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxloop.intake.dates import Order, OrderEvidence, read_date

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MOMENT = datetime(2015, 2, 24, 19, 42, 48, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2015-02-24 11:42:48 -0800",
        "2015-02-24T19:42:48Z",
        "2015-02-24T19:42:48.000+00:00",
        "2015-02-24 20:42:48+01",
        "2015/02/24 19:42:48",
        "20150224T194248Z",
        "24/02/2015 19:42:48",
        "24.02.2015, 19:42:48 UTC",
        "24-02-15 7:42:48 PM",
        "24 Feb 2015 19:42:48 GMT",
        "Tue, 24 Feb 2015 11:42:48 -0800",
        "Tue, 24 Feb 2015 11:42:48 -0800 (PST)",
        "24th of February 2015 7:42:48pm",
        "Feb 24, 2015 at 7:42:48 p.m.",
        "Tue Feb 24 19:42:48 +0000 2015",
        "1424806968",
        "1424806968000",
    ],
)
def test_the_usual_ways_of_writing_a_moment_are_understood(written: str) -> None:
    assert read_date(written, day_first=True) == MOMENT


def test_twelve_in_the_morning_is_midnight() -> None:
    assert read_date("2015-02-24 12:05 AM", day_first=False).hour == 0
    assert read_date("2015-02-24 12:05 PM", day_first=False).hour == 12


def test_a_time_without_a_zone_is_in_the_zone_that_is_said() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert read_date("2015-07-01 12:00", day_first=False, zone=berlin) == datetime(2015, 7, 1, 10, tzinfo=UTC)
    assert read_date("2015-07-01 12:00Z", day_first=False, zone=berlin) == datetime(2015, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "2015-02-30",
        "13/13/2015",
        "2015-02-24 25:00",
        "2015-02-24 13:00 PM",
        "0001-01-01T00:00+14:00",
        "7",
        "",
        "2015-02-24" + " " * 100_000 + "x",
        "1" * 100_000,
    ],
)
def test_what_is_no_date_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(ValueError, match="a date"):
        read_date(written, day_first=False)


def order_of(*written: str) -> Order:
    evidence = OrderEvidence(NOW)
    for each in written:
        evidence.add(each)
    return evidence.decide()


def test_one_day_above_twelve_decides_for_the_whole_file() -> None:
    assert order_of("01/02/2021", "03/04/2021", "13/04/2021").day_first
    assert not order_of("01/02/2021", "03/04/2021", "04/13/2021").day_first


def test_a_contradiction_is_told_and_the_majority_decides() -> None:
    order = order_of("13/01/2021", "14/01/2021", "01/15/2021")
    assert order.day_first
    assert "1 can only be read the other way" in order.because


def test_no_order_that_lies_in_the_future_is_chosen() -> None:
    assert order_of("05/01/2026", "10/03/2026").day_first  # month first: 3 October 2026
    assert not order_of("01/05/2026", "03/10/2026").day_first


def test_rows_that_follow_each_other_decide_where_no_date_does() -> None:
    assert order_of("01/02/2021", "02/02/2021", "05/02/2021", "01/03/2021", "04/03/2021").day_first
    assert not order_of("12/05/2021", "12/01/2021", "11/09/2021", "11/04/2021", "10/12/2021").day_first


def test_where_nothing_tells_month_first_is_called_a_guess() -> None:
    order = order_of("01/02/2021")
    assert not order.day_first
    assert "guess" in order.because


def test_a_file_of_iso_dates_depends_on_no_order() -> None:
    assert order_of("2021-02-01", "2021-02-13").because == ""


past = st.datetimes(datetime(1970, 1, 1), datetime(2026, 3, 10), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


@given(moment=past, minutes=st.integers(-14 * 60, 14 * 60))
def test_every_moment_written_with_an_offset_is_read_back(moment: datetime, minutes: int) -> None:
    sign, offset = "-" if minutes < 0 else "+", f"{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    local = moment + timedelta(minutes=minutes)
    assert read_date(f"{local:%Y-%m-%dT%H:%M:%S}{sign}{offset}", day_first=True) == moment
    assert read_date(f"{local:%d.%m.%Y %H:%M:%S} {sign}{offset}", day_first=True) == moment
    assert read_date(f"{local:%m/%d/%Y %I:%M:%S %p} {sign}{offset}", day_first=False) == moment


@given(moments=st.lists(past, min_size=1), day_first=st.booleans())
def test_a_file_with_one_telling_date_is_read_as_it_was_written(moments: list[datetime], day_first: bool) -> None:
    pattern = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    telling = moments[0].replace(month=1, day=20)
    assert order_of(*(f"{moment:{pattern}}" for moment in [*moments, telling])).day_first is day_first


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_dates(written: str) -> None:
    try:
        moment = read_date(written, day_first=True)
    except ValueError:
        return
    assert moment.tzinfo is UTC
