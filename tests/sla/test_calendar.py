"""Working hours: deadlines, spans and clock changes, against vectors and a minute-by-minute oracle."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxloop.sla.calendar import WEEKDAYS, CalendarError, WorkingHours
from tests.sla.oracle import MINUTE, open_minutes


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def office(
    timezone: str = "UTC", *intervals: list[str], days: str = "mon tue wed thu fri", **more: Any
) -> WorkingHours:
    hours = {day: list(intervals or (["09:00", "17:00"],)) for day in days.split()}
    return WorkingHours.from_dict({"timezone": timezone, "hours": hours, **more})


def round_the_clock(timezone: str, *holidays: str) -> WorkingHours:
    return WorkingHours.from_dict({"timezone": timezone, "always_open": True, "holidays": list(holidays)})


EVERY_DAY = " ".join(WEEKDAYS)
HOUR = 3600
LUNCH = office("UTC", ["09:00", "13:00"], ["14:00", "18:00"])
NEW_YORK_NIGHTS = office("America/New_York", ["22:00", "06:00"], days=EVERY_DAY)


@pytest.mark.parametrize(
    ("hours", "start", "seconds", "due"),
    [
        # Friday afternoon rolls over the weekend; a weekend start counts from Monday's opening.
        (office(), "2026-01-30T16:30", HOUR, "2026-02-02T09:30"),
        (office(), "2026-01-30T16:00", 8 * HOUR, "2026-02-02T16:00"),
        (office(), "2026-01-31T11:00", HOUR, "2026-02-02T10:00"),
        (office(), "2024-01-17T07:00", 2 * HOUR, "2024-01-17T11:00"),
        (office(), "2024-01-15T16:00", 10 * HOUR, "2024-01-17T10:00"),
        # The end of the budget at closing is due at closing; a start at closing counts from the next opening.
        (office(), "2026-01-05T10:00", 7 * HOUR, "2026-01-05T17:00"),
        (office(), "2026-01-05T10:00", 7 * HOUR + 1, "2026-01-06T09:00:01"),
        (office(), "2026-01-05T17:00", 1800, "2026-01-06T09:30"),
        # Nothing at all: now, if open, else at the next opening.
        (office(), "2026-01-05T10:00", 0, "2026-01-05T10:00"),
        (office(), "2026-01-09T17:00", 0, "2026-01-12T09:00"),
        # Lunch, from before it and from within it.
        (LUNCH, "2024-08-05T12:30", HOUR, "2024-08-05T14:30"),
        (LUNCH, "2024-08-05T13:15", HOUR, "2024-08-05T15:00"),
        # A holiday, and a half day among whole ones.
        (office(holidays=["2026-01-06"]), "2026-01-05T10:00", 16 * HOUR, "2026-01-08T10:00"),
        (
            WorkingHours.from_dict(
                {"timezone": "Asia/Kolkata", "hours": {"fri": [["10:00", "18:00"]], "sat": [["10:00", "14:00"]]}}
            ),
            "2025-03-21T12:00",
            HOUR,
            "2025-03-22T05:00",
        ),
        # One short day a week: the third week.
        (office("UTC", ["09:00", "09:30"], days="tue"), "2026-01-05T00:00", 4000, "2026-01-20T09:06:40"),
        # A year of open seconds lies four years out, and is not cut short.
        (office(), "2026-01-05T10:00", 31_536_000, "2030-03-18T10:00"),
        # Other zones: the local rule in winter and in summer.
        (office("America/New_York"), "2026-01-05T14:00", HOUR, "2026-01-05T15:00"),
        (office("America/New_York"), "2026-07-06T13:00", HOUR, "2026-07-06T14:00"),
        (office("Asia/Kathmandu"), "2026-01-05T03:15", HOUR, "2026-01-05T04:15"),
        # A clock change on the weekend between, and a holiday that is the 23-hour day.
        (office("Europe/Berlin"), "2026-03-27T15:00", 2 * HOUR, "2026-03-30T08:00"),
        (office("America/New_York"), "2026-10-30T20:00", 2 * HOUR, "2026-11-02T15:00"),
        (
            office("America/New_York", days=EVERY_DAY, holidays=["2026-03-08"]),
            "2026-03-07T15:00",
            16 * HOUR,
            "2026-03-10T14:00",
        ),
        # A night shift in which the clock changes: five real hours, spring and autumn.
        (NEW_YORK_NIGHTS, "2026-03-08T04:00", 5 * HOUR, "2026-03-08T09:00"),
        (NEW_YORK_NIGHTS, "2026-11-01T04:00", 5 * HOUR, "2026-11-01T09:00"),
        # Round the clock is real elapsed time over a clock change, less the local day of a holiday.
        (round_the_clock("Europe/Berlin"), "2026-03-28T23:30", 4 * HOUR, "2026-03-29T03:30"),
        (round_the_clock("America/New_York"), "2026-11-01T04:30", 4 * HOUR, "2026-11-01T08:30"),
        (round_the_clock("Europe/Berlin", "2026-03-29"), "2026-03-28T22:00", 2 * HOUR, "2026-03-29T23:00"),
        (round_the_clock("Europe/Berlin", "2026-12-25", "2026-12-26"), "2026-12-25T12:00", 0, "2026-12-26T23:00"),
        # Until midnight, in either way of writing it.
        (office("UTC", ["20:00", "24:00"]), "2026-01-05T23:00", HOUR + 1, "2026-01-06T20:00:01"),
        (office("UTC", ["20:00", "00:00"]), "2026-01-05T23:00", HOUR + 1, "2026-01-06T20:00:01"),
    ],
)
def test_a_budget_is_used_up_at_the_right_instant(hours: WorkingHours, start: str, seconds: int, due: str) -> None:
    assert hours.add(at(start), seconds) == at(due)
    assert hours.between(at(start), at(due)) == timedelta(seconds=seconds)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_day_shift_across_a_clock_change_counts_the_hours_really_worked(day: str) -> None:
    around_it = office("Europe/Berlin", ["00:00", "08:00"], days="sun")
    real_hours = 7 if day == "2026-03-29" else 9
    assert around_it.between(at(day) - timedelta(hours=3), at(day) + timedelta(days=1)) == timedelta(hours=real_hours)
    opening = around_it.next_opening(at(day) - timedelta(hours=3))
    assert around_it.add(opening, 7 * HOUR) == opening + timedelta(hours=7)


def test_an_opening_in_the_gap_is_the_first_instant_after_it() -> None:
    early = office("Europe/Berlin", ["02:30", "04:00"], days="sun")  # 02:00 to 03:00 does not exist
    assert early.next_opening(at("2026-03-29T00:00")) == at("2026-03-29T01:00")
    assert early.between(at("2026-03-29T00:00"), at("2026-03-29T12:00")) == timedelta(hours=1)


def test_a_closing_in_the_gap_is_the_moment_of_the_change() -> None:
    late = office("Europe/Berlin", ["01:00", "02:30"], days="sun")
    assert late.add(at("2026-03-29T00:00"), HOUR) == at("2026-03-29T01:00")
    assert not late.is_open(at("2026-03-29T01:00"))


def test_an_interval_that_lies_wholly_in_the_gap_is_no_time_at_all() -> None:
    inside = office("Europe/Berlin", ["02:10", "02:50"], days="sun")
    assert inside.next_opening(at("2026-03-29T00:00")) == at("2026-04-05T00:10")


def test_an_ambiguous_opening_is_its_first_and_an_ambiguous_closing_its_second_occurrence() -> None:
    opens_twice = office("Europe/Berlin", ["02:30", "04:00"], days="sun")  # 02:00 to 03:00 comes twice
    assert opens_twice.next_opening(at("2026-10-25T00:00")) == at("2026-10-25T00:30")
    assert opens_twice.between(at("2026-10-25T00:00"), at("2026-10-25T12:00")) == timedelta(hours=2.5)
    closes_twice = office("Europe/Berlin", ["01:00", "02:30"], days="sun")
    assert closes_twice.between(at("2026-10-24T12:00"), at("2026-10-25T12:00")) == timedelta(hours=2.5)
    assert not closes_twice.is_open(at("2026-10-25T01:30"))


def test_a_midnight_that_does_not_exist_opens_when_the_day_does() -> None:
    havana = office("America/Havana", ["00:00", "02:00"], days="sun")  # 2026-03-08 begins at 01:00
    assert havana.next_opening(at("2026-03-08T00:00")) == at("2026-03-08T05:00")
    assert havana.between(at("2026-03-08T00:00"), at("2026-03-08T12:00")) == timedelta(hours=1)


def test_a_date_that_a_zone_skipped_has_no_working_time() -> None:
    samoa = office("Pacific/Apia", days=EVERY_DAY)  # 30 December 2011 did not happen there
    assert samoa.add(at("2011-12-30T02:00"), 2 * HOUR) == at("2011-12-30T20:00")
    assert round_the_clock("Pacific/Apia", "2011-12-30").between(
        at("2011-12-30T00:00"), at("2011-12-31T00:00")
    ) == timedelta(days=1)


def test_a_holiday_cancels_the_shift_that_begins_on_it_and_not_the_one_that_ends_on_it() -> None:
    nights = office("UTC", ["22:00", "06:00"], days=EVERY_DAY, holidays=["2026-12-25"])
    assert nights.is_open(at("2026-12-25T05:59"))
    assert nights.next_opening(at("2026-12-25T06:00")) == at("2026-12-26T22:00")


def test_overlapping_intervals_count_once() -> None:
    twice = office("UTC", ["09:00", "13:00"], ["12:00", "17:00"], ["10:00", "11:00"])
    assert twice.between(at("2026-01-05T00:00"), at("2026-01-06T00:00")) == timedelta(hours=8)
    into_the_morning = WorkingHours.from_dict(
        {"timezone": "UTC", "hours": {"mon": [["22:00", "06:00"]], "tue": [["05:00", "13:00"]]}}
    )
    assert into_the_morning.between(at("2026-01-05T00:00"), at("2026-01-07T00:00")) == timedelta(hours=15)


def test_opening_is_inclusive_and_closing_is_not() -> None:
    assert office().is_open(at("2026-01-05T09:00"))
    assert not office().is_open(at("2026-01-05T17:00"))
    assert office().is_open(at("2026-01-05T16:59:59.999999"))


def test_parts_of_a_second_are_kept() -> None:
    start = at("2026-01-05T16:59:59.250000")
    assert office().add(start, 1) == at("2026-01-06T09:00:00.250000")
    assert office().between(start, at("2026-01-06T09:00:00.250000")) == timedelta(seconds=1)


def test_a_span_that_runs_backwards_is_negative_working_time() -> None:
    assert office().between(at("2026-01-12T10:00"), at("2026-01-09T16:00")) == timedelta(hours=-2)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        office().add(datetime(2026, 1, 5), HOUR)  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"timezone": "UTC", "hours": {}}, "no open time"),
        ({"timezone": "UTC"}, "no open time"),
        ({"timezone": "UTC", "hours": {"mon": []}, "always_open": False}, "no open time"),
        ({"hours": {"mon": [["09:00", "17:00"]]}}, "names no time zone"),
        ({"timezone": "Europe/Atlantis", "always_open": True}, "Europe/Atlantis"),
        ({"timezone": "../etc/passwd", "always_open": True}, "unknown"),
        ({"timezone": "Europe", "always_open": True}, "unknown"),
        ({"timezone": "UTC", "hours": {"mon": [["9am", "17:00"]]}}, "'9am' of mon"),
        ({"timezone": "UTC", "hours": {"mon": [["09:00", "25:00"]]}}, "'25:00' of mon"),
        ({"timezone": "UTC", "hours": {"mon": [["09:60", "17:00"]]}}, "'09:60' of mon"),
        ({"timezone": "UTC", "hours": {"mon": [[9, 17]]}}, "9 of mon"),
        ({"timezone": "UTC", "hours": {"mon": [["24:00", "06:00"]]}}, "cannot open at 24:00"),
        ({"timezone": "UTC", "hours": {"mon": [["09:00", "09:00"]]}}, "opens and closes at 09:00"),
        ({"timezone": "UTC", "hours": {"mon": [["09:00"]]}}, "An interval of mon"),
        ({"timezone": "UTC", "hours": {"mon": "09:00-17:00"}}, "The hours of mon"),
        ({"timezone": "UTC", "hours": [["09:00", "17:00"]]}, "The hours cannot be read"),
        ({"timezone": "UTC", "always_open": True, "holidays": ["Christmas"]}, "holiday"),
        ({"timezone": "UTC", "always_open": True, "holidays": [20261225]}, "holiday"),
        ({"timezone": "UTC", "always_open": True, "holidays": "2026-12-25"}, "holidays"),
        ([], "calendar cannot be read"),
    ],
)
def test_an_unusable_calendar_is_refused_with_the_reason(data: Any, why: str) -> None:
    with pytest.raises(CalendarError, match=why) as refusal:
        WorkingHours.from_dict(data)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("hours", [office("UTC", ["09:00", "09:01"], days="mon"), round_the_clock("UTC")])
def test_a_budget_beyond_any_reach_is_refused_instead_of_cut_short(hours: WorkingHours) -> None:
    with pytest.raises(CalendarError, match="hundred years"):
        hours.add(at("2026-01-05T10:00"), 10**10)


def test_a_moment_at_the_end_of_all_calendars_is_refused() -> None:
    with pytest.raises(CalendarError, match="1 to 9999"):
        office().add(at("9999-12-31T12:00"), 24 * HOUR)


def test_a_calendar_survives_the_round_trip_to_json_and_can_be_a_key() -> None:
    data = {
        "timezone": "Europe/Berlin",
        "hours": {"mon": [["09:00", "12:30"], ["13:00", "24:00"]], "sat": [["22:00:30", "06:00"]]},
        "holidays": ["2026-12-25", "2027-01-01"],
    }
    hours = WorkingHours.from_dict({**data, "unknown": "ignored"})
    assert hours.to_dict() == data
    assert {hours: 1}[WorkingHours.from_dict(hours.to_dict())] == 1
    always = {"timezone": "UTC", "always_open": True}
    assert WorkingHours.from_dict(always).to_dict() == always


# Zones that change by an hour or half of one, at midnight or in the afternoon of UTC, or not at all.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Santiago",
]
minutes_of_day = st.integers(0, 1439)
times = minutes_of_day.map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
intervals = st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]).map(list)
weeks = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(intervals, min_size=1, max_size=3), min_size=1)
# Around the clock changes of two years, and Samoa's lost day.
days = st.sampled_from(
    [date(2026, 3, 6), date(2026, 3, 27), date(2026, 10, 23), date(2026, 10, 30), date(2026, 4, 3), date(2011, 12, 28)]
)
starts = st.builds(
    lambda day, second: datetime.combine(day, time(), UTC) + timedelta(seconds=second),
    days,
    st.integers(0, 5 * 86_400),
)


@st.composite
def calendars(draw: st.DrawFn) -> WorkingHours:
    holidays = [day.isoformat() for day in draw(st.lists(days.map(lambda day: day + timedelta(days=2)), max_size=2))]
    data: dict[str, Any] = {"timezone": draw(st.sampled_from(ZONES)), "holidays": holidays}
    if draw(st.integers(0, 4)) == 0:
        return WorkingHours.from_dict({**data, "always_open": True})
    return WorkingHours.from_dict({**data, "hours": draw(weeks)})


@settings(max_examples=300, deadline=None)
@given(calendars(), starts, st.timedeltas(timedelta(0), timedelta(hours=30)))
def test_adding_and_measuring_working_time_agree(hours: WorkingHours, start: datetime, budget: timedelta) -> None:
    due = hours.add(start, budget)
    assert due >= start
    assert hours.between(start, due) == budget
    if budget:  # the first such instant: a moment earlier, something is still left
        assert hours.between(start, due - timedelta(microseconds=1)) < budget
    assert WorkingHours.from_dict(hours.to_dict()) == hours


@settings(max_examples=100, deadline=None)
@given(calendars(), starts, st.integers(0, 4 * 86_400), st.integers(0, 4 * 86_400))
def test_working_time_adds_up(hours: WorkingHours, start: datetime, first: int, second: int) -> None:
    middle = start + timedelta(seconds=first)
    end = middle + timedelta(seconds=second)
    assert hours.between(start, middle) + hours.between(middle, end) == hours.between(start, end)


@settings(max_examples=60, deadline=None)
@given(calendars(), starts.map(lambda moment: moment.replace(second=0)), st.integers(0, 3 * 1440))
def test_every_minute_agrees_with_the_wall_clock(hours: WorkingHours, start: datetime, length: int) -> None:
    minutes = open_minutes(hours, start, length)
    assert hours.between(start, start + length * MINUTE) == sum(minutes) * MINUTE
    assert [hours.is_open(start + number * MINUTE) for number in range(length)] == minutes
