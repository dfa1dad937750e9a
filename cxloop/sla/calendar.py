"""Working hours, and arithmetic in working time: when is a promise due, how much of it is used up?

A value, not a row: nothing here reads a database or a clock. Moments go in aware and come out in UTC;
working time is a `timedelta`, exact to the microsecond. Every wall-clock time is turned into an instant
first, so that a budget is spent in real elapsed time, also across a clock change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from cxloop.errors import CxloopError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HORIZON = timedelta(days=100 * 366)  # far beyond any promise; keeps an absurd budget from looping for ever

Interval = tuple[int, int]  # seconds after local midnight; a closing after 86400 lies on the next day
Span = tuple[datetime, datetime]  # instants in UTC, open from the first up to, not including, the second

_DAY = timedelta(days=1)
_DAY_SECONDS = 86_400
_FOREVER = datetime.max.replace(tzinfo=UTC)
_REMEMBERED_DAYS = 5_000
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


class CalendarError(CxloopError):
    """The calendar cannot be used, or a budget cannot be used up in it; the text says why."""


@dataclass(frozen=True)
class WorkingHours:
    """When somebody is at work: weekly hours in one zone, or round the clock, less the holidays.

    A holiday removes the intervals that *begin* on that local date, so a night shift begun the evening before
    is worked to its end; round the clock, it closes that local day. Intervals that overlap count once.
    """

    timezone: str
    weekly: tuple[tuple[Interval, ...], ...] = ((),) * 7  # Monday first
    holidays: frozenset[date] = frozenset()
    always_open: bool = False

    def __post_init__(self) -> None:
        _ = self._zone  # an unknown zone is refused here, not at the first deadline
        if not self.always_open and not any(self.weekly):
            raise CalendarError(
                'This calendar has no open time: give a day hours like ["09:00", "17:00"] or set always_open.'
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WorkingHours:
        """Read `{"timezone": …, "hours": {"mon": [["09:00", "17:00"]], …}, "holidays": ["2026-12-25", …]}`.

        `"always_open": true` stands in place of hours. A closing before its opening lies on the next day;
        24:00 closes at midnight. Keys it does not know are ignored. Raises CalendarError for an unknown zone,
        a time or date that cannot be read, and no open time at all.
        """
        if not isinstance(data, Mapping):
            raise CalendarError('This calendar cannot be read: write {"timezone": …, "hours": {…}}.')
        always_open = data.get("always_open") is True
        return cls(
            timezone=_zone_name(data.get("timezone")),
            weekly=((),) * 7 if always_open else _read_week(data.get("hours") or {}),
            holidays=_read_holidays(data.get("holidays") or ()),
            always_open=always_open,
        )

    def to_dict(self) -> dict[str, Any]:
        """The form that `from_dict` reads, ready for JSON."""
        data: dict[str, Any] = {"timezone": self.timezone}
        if self.always_open:
            data["always_open"] = True
        else:
            data["hours"] = {
                name: [[_write_time(opening), _write_time(closing)] for opening, closing in intervals]
                for name, intervals in zip(WEEKDAYS, self.weekly, strict=True)
                if intervals
            }
        if self.holidays:
            data["holidays"] = [day.isoformat() for day in sorted(self.holidays)]
        return data

    def add(self, start: datetime, seconds: int | timedelta) -> datetime:
        """The first instant at which that much working time has passed since `start`.

        A budget that ends exactly at closing is due at closing. Nothing at all is due at `start` if that is
        open, else at the next opening. Raises CalendarError where this lies more than a century away.
        """
        left = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
        if left < timedelta(0):
            raise ValueError("working time can only be added, not taken away")
        start = _in_utc(start)
        for opening, closing in self._spans(start):
            opening = max(opening, start)
            if left > HORIZON or opening - start > HORIZON:
                break
            if left <= closing - opening:
                return opening + left
            left -= closing - opening
        raise CalendarError("This budget cannot be used up within a hundred years of these working hours.")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Working time from `start` up to `end`; negative where `end` comes first."""
        start, end = _in_utc(start), _in_utc(end)
        if end < start:
            return -self.between(end, start)
        total = timedelta(0)
        for opening, closing in self._spans(start):
            if opening >= end:
                break
            total += min(closing, end) - max(opening, start)
        return total

    def is_open(self, at: datetime) -> bool:
        return self.next_opening(at) == at

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself while open, else the moment at which work begins again."""
        return self.add(at, 0)

    def _spans(self, since: datetime) -> Iterator[Span]:
        """The open spans that end after `since`, in order and apart from each other."""
        try:
            yield from self._spans_round_the_clock(since) if self.always_open else self._spans_of_weeks(since)
        except OverflowError:
            raise CalendarError("This moment lies outside the years a calendar knows (1 to 9999).") from None

    def _spans_round_the_clock(self, since: datetime) -> Iterator[Span]:
        covered = since
        for closing, reopening in self._closures:
            if reopening <= covered:
                continue
            if covered < closing:
                yield covered, closing
            covered = reopening
        yield covered, _FOREVER

    def _spans_of_weeks(self, since: datetime) -> Iterator[Span]:
        day = since.astimezone(self._zone).date() - _DAY  # yesterday's night shift may still be on
        covered = since
        while True:
            for opening, closing in self._spans_of_day(day):
                opening = max(opening, covered)
                if opening < closing:
                    yield opening, closing
                    covered = closing
            day += _DAY

    def _spans_of_day(self, day: date) -> tuple[Span, ...]:
        """The spans of the intervals that begin on this local date; remembered, as deadlines share days."""
        spans = self._remembered.get(day)
        if spans is None:
            midnight = datetime.combine(day, time.min)
            intervals = () if day in self.holidays else self.weekly[day.weekday()]
            spans = tuple(
                (self._instant(midnight, opening), self._instant(midnight, closing, closes=True))
                for opening, closing in intervals
            )
            if len(self._remembered) >= _REMEMBERED_DAYS:
                self._remembered.clear()
            self._remembered[day] = spans
        return spans

    def _instant(self, midnight: datetime, seconds: int, *, closes: bool = False) -> datetime:
        """The instant of a wall-clock time: in a gap the moment of the change, when ambiguous the wider."""
        wall = midnight + timedelta(seconds=seconds)
        first, second = (_offset(wall.replace(tzinfo=self._zone, fold=fold)) for fold in (0, 1))
        if first < second:
            return self._clock_change(wall, first, second)
        return (wall - (second if closes else first)).replace(tzinfo=UTC)

    def _clock_change(self, wall: datetime, before: timedelta, after: timedelta) -> datetime:
        """The instant at which the clocks jumped over `wall`, which is no time that any clock showed."""
        earliest = (wall - after).replace(tzinfo=UTC)
        low, high = (
            0,
            int((after - before).total_seconds()),
        )  # the change comes after low, by high at the latest
        while high - low > 1:
            middle = (low + high) // 2
            if _offset((earliest + timedelta(seconds=middle)).astimezone(self._zone)) == before:
                low = middle
            else:
                high = middle
        return earliest + timedelta(seconds=high)

    @cached_property
    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):  # unknown; not a relative path; a directory such as "Europe"
            raise CalendarError(
                f'The time zone "{self.timezone}" is unknown: use a name such as Europe/Berlin or UTC.'
            ) from None

    @cached_property
    def _closures(self) -> tuple[Span, ...]:
        """Round the clock: the local days that are holidays."""
        midnights = [datetime.combine(day, time.min) for day in sorted(self.holidays)]
        return tuple((self._instant(each, 0), self._instant(each, _DAY_SECONDS)) for each in midnights)

    @cached_property
    def _remembered(self) -> dict[date, tuple[Span, ...]]:
        return {}


def _zone_name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise CalendarError("This calendar names no time zone: use a name such as Europe/Berlin or UTC.")
    return value


def _read_week(hours: Any) -> tuple[tuple[Interval, ...], ...]:
    if not isinstance(hours, Mapping):
        raise CalendarError('The hours cannot be read: write them as {"mon": [["09:00", "17:00"]], …}.')
    return tuple(_read_day(name, hours.get(name) or ()) for name in WEEKDAYS)


def _read_day(name: str, intervals: Any) -> tuple[Interval, ...]:
    if not isinstance(intervals, list | tuple):
        raise CalendarError(f'The hours of {name} cannot be read: write a list such as [["09:00", "17:00"]].')
    return tuple(sorted(_read_interval(name, interval) for interval in intervals))


def _read_interval(name: str, interval: Any) -> Interval:
    if not isinstance(interval, list | tuple) or len(interval) != 2:
        raise CalendarError(f'An interval of {name} cannot be read: write it as ["09:00", "17:00"].')
    opening, closing = (_read_time(name, value) for value in interval)
    if opening == closing:
        raise CalendarError(f"{name} opens and closes at {interval[0]}: a whole day is 00:00 to 24:00.")
    if opening == _DAY_SECONDS:
        raise CalendarError(f"{name} cannot open at 24:00: write 00:00 of the next day.")
    return opening, closing if closing > opening else closing + _DAY_SECONDS


def _read_time(name: str, value: Any) -> int:
    """Seconds after midnight of "HH:MM" or "HH:MM:SS", up to 24:00."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match:
        hour, minute, second = (int(part or 0) for part in match.groups())
        seconds = hour * 3600 + minute * 60 + second
        if minute < 60 and second < 60 and seconds <= _DAY_SECONDS:
            return seconds
    raise CalendarError(f"The time {value!r} of {name} cannot be read: write HH:MM, from 00:00 to 24:00.")


def _write_time(seconds: int) -> str:
    if seconds > _DAY_SECONDS:
        seconds -= _DAY_SECONDS
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f":{second:02}" if second else "")


def _read_holidays(values: Any) -> frozenset[date]:
    if not isinstance(values, list | tuple):
        raise CalendarError('The holidays cannot be read: write a list of dates such as ["2026-12-25"].')
    try:
        return frozenset(date.fromisoformat(value) for value in values)
    except (TypeError, ValueError):
        raise CalendarError("A holiday cannot be read: write each as a date such as 2026-12-25.") from None


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone: give it in UTC")
    return moment.astimezone(UTC)


def _offset(moment: datetime) -> timedelta:
    offset = moment.utcoffset()
    assert offset is not None, "a ZoneInfo always knows its offset"
    return offset
