"""When it was said: dates as exports write them. Whether 03/04 is March or April is decided for a whole file."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo

MAX_DATE = 64  # characters; what is longer is no date
FUTURE = timedelta(days=1)  # clocks and zones differ; what lies further ahead is a mistake
EARLIEST = 1900

_TIME = r"""
    (?: (?: T | [\s,]+ (?: at \s+ )? ) (?P<hour>\d{1,2}) : (?P<minute>\d{2}) (?: : (?P<second>\d{2}) )?
        (?: [.,] (?P<fraction>\d{1,9}) )? (?: \s* (?P<half>[ap]) \.? m \.? )? )?
    \s* (?P<zone> Z | UTC | GMT | [+-]\d{2}:?\d{2} | [+-]\d{2} )? (?: \s* \([a-z\s]+\) )? $"""
_WEEKDAY = r"^ (?: (?:mon|tue|wed|thu|fri|sat|sun)[a-z]* ,? \s+ )?"
_MONTH = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) [a-z]* \.?"
_FLAGS = re.VERBOSE | re.IGNORECASE | re.ASCII

_YEAR_FIRST = re.compile(
    r"^ (?P<year>\d{4}) (?P<mark>[-/.]) (?P<month>\d{1,2}) (?P=mark) (?P<day>\d{1,2})" + _TIME, _FLAGS
)
_COMPACT = re.compile(
    r"^ (?P<year>(?:19|20)\d{2}) (?P<month>\d{2}) (?P<day>\d{2})"
    r" (?: T (?P<hour>\d{2}) (?P<minute>\d{2}) (?P<second>\d{2}) (?P<zone>Z)? )? $",
    _FLAGS,
)
_NUMBERS = re.compile(
    _WEEKDAY + r"(?P<one>\d{1,2}) (?P<mark>[-/.]) (?P<two>\d{1,2}) (?P=mark) (?P<year>\d{4}|\d{2})" + _TIME, _FLAGS
)
_DAY_NAME = re.compile(
    _WEEKDAY
    + r"(?P<day>\d{1,2}) (?:st|nd|rd|th)? [\s.-]+ (?:of \s+)?"
    + _MONTH
    + r"[\s,-]+ (?P<year>\d{4}|\d{2})"
    + _TIME,
    _FLAGS,
)
_NAME_DAY = re.compile(
    _WEEKDAY + _MONTH + r"\s+ (?P<day>\d{1,2}) (?:st|nd|rd|th)? ,? \s+ (?P<year>\d{4})" + _TIME, _FLAGS
)
_POST = re.compile(  # as Twitter's interface wrote it: Tue Feb 24 19:42:48 +0000 2015
    _WEEKDAY + _MONTH + r"\s+ (?P<day>\d{1,2}) \s+ (?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"\s+ (?P<zone>[+-]\d{4}) \s+ (?P<year>\d{4}) $",
    _FLAGS,
)
_EPOCH = re.compile(r"^(?P<seconds>\d{10})(?:\d{3}|\.\d{1,6})?$", re.ASCII)
_SHAPES = (_YEAR_FIRST, _NUMBERS, _DAY_NAME, _NAME_DAY, _POST, _COMPACT)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def read_date(value: str, *, day_first: bool, zone: tzinfo = UTC) -> datetime:
    """The moment in UTC; `zone` is where the clock hung when the value does not say.

    Raises ValueError with a reason for a person.
    """
    value = value.strip()
    if epoch := _EPOCH.match(value):
        return datetime.fromtimestamp(int(epoch["seconds"]), UTC)
    found = _match(value)
    if found is None:
        raise ValueError("a date that cannot be read")
    part = found.groupdict()
    year, month, day = _year_month_day(part, day_first)
    try:
        clock = _hour(part), int(part.get("minute") or 0), int(part.get("second") or 0)
        fraction = int((part.get("fraction") or "0").ljust(6, "0")[:6])
        moment = datetime(year, month, day, *clock, fraction, tzinfo=_zone(part.get("zone"), zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        order = f" with the {'day' if day_first else 'month'} first" if "one" in part else ""
        raise ValueError(f"a date that does not exist{order}") from None
    if moment.year < EARLIEST:
        raise ValueError(f"a date before {EARLIEST}")
    return moment


def _match(value: str) -> re.Match[str] | None:
    if len(value) > MAX_DATE:
        return None
    return next((found for shape in _SHAPES if (found := shape.match(value))), None)


def _year_month_day(part: dict[str, str], day_first: bool) -> tuple[int, int, int]:
    year = int(part["year"])
    if len(part["year"]) == 2:
        year += 1900 if year > 68 else 2000  # as POSIX reads two digits
    if "one" in part:
        one, two = int(part["one"]), int(part["two"])
        return (year, two, one) if day_first else (year, one, two)
    named = part.get("name")
    return year, _MONTHS.index(named.lower()) + 1 if named else int(part["month"]), int(part["day"])


def _hour(part: dict[str, str]) -> int:
    hour = int(part.get("hour") or 0)
    half = part.get("half")
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no such hour")
    return hour % 12 + (12 if half in "pP" else 0)


def _zone(written: str | None, zone: tzinfo) -> tzinfo:
    if not written:
        return zone
    if written[0] not in "+-":
        return UTC
    digits = written[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if written[0] == "-" else offset)


@dataclass
class _Reading:
    """How a whole column looks with the day (or the month) first."""

    day_first: bool
    alone: int = 0  # dates that only this order can read
    future: int = 0
    up: int = 0
    down: int = 0
    last: datetime | None = None

    def add(self, value: str, at: datetime) -> bool:
        """Whether this order can read the value."""
        try:
            moment = read_date(value, day_first=self.day_first)
        except ValueError:
            return False
        self.future += moment > at + FUTURE
        if self.last is not None:
            self.up += moment > self.last
            self.down += moment < self.last
        self.last = moment
        return True

    def disorder(self) -> int:
        """How often the dates turn against the order of the file, be it ascending or descending."""
        return min(self.up, self.down)


@dataclass(frozen=True)
class Order:
    """Whether the day comes first in 03/04/2021; `because` says why, empty where nothing depends on it."""

    day_first: bool
    because: str = ""


@dataclass
class OrderEvidence:
    """Collects what a column of dates says about the order of day and month. Constant memory."""

    at: datetime
    total: int = 0
    _day: _Reading = field(default_factory=lambda: _Reading(day_first=True))
    _month: _Reading = field(default_factory=lambda: _Reading(day_first=False))

    def add(self, value: str) -> None:
        value = value.strip()
        if len(value) > MAX_DATE or not _NUMBERS.match(value):
            return
        self.total += 1
        day, month = self._day.add(value, self.at), self._month.add(value, self.at)
        self._day.alone += day and not month
        self._month.alone += month and not day

    def decide(self) -> Order:
        """The order that more dates demand; else the one with fewer in the future; else the one in which the rows
        follow each other in time; else month first, said to be a guess.
        """
        day, month = self._day, self._month
        if not self.total:
            return Order(day_first=False)
        if day.alone != month.alone:
            fits, other = (day, month) if day.alone > month.alone else (month, day)
            because = f"{fits.alone:,} can be read no other way"
            if other.alone:
                because += f"; {other.alone:,} can only be read the other way and are rejected"
            return Order(fits.day_first, because)
        if day.future != month.future:
            return Order(day.future < month.future, "the other order puts dates in the future")
        if day.disorder() != month.disorder():
            return Order(day.disorder() < month.disorder(), "in that order the rows follow each other in time")
        return Order(day_first=False, because="a guess, no date tells: --day-first if it is wrong")
