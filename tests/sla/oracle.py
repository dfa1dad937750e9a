"""Working hours restated minute by minute from what a wall clock shows, without computing one transition."""

from datetime import datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from cxloop.sla.calendar import WorkingHours

MINUTE = timedelta(minutes=1)
_MARGIN = 26 * 60  # minutes on either side, so that a jump just outside is seen too


def open_minutes(hours: WorkingHours, start: datetime, count: int) -> list[bool]:
    """For each of `count` minutes from `start`: is it worked?

    An interval has begun once the clock has ever shown its opening or a later time, and has ended once the clock
    will never again show a time before its closing. That is the rule for gaps and for repeated hours in one.
    """
    zone = ZoneInfo(hours.timezone)
    walls = [
        (start + number * MINUTE).astimezone(zone).replace(tzinfo=None, fold=0)
        for number in range(-_MARGIN, count + _MARGIN)
    ]
    latest_shown = list(accumulate(walls, max))
    earliest_to_come = list(accumulate(reversed(walls), min))[::-1]
    if hours.always_open:
        worked = [shown.date() not in hours.holidays for shown in latest_shown]
    else:
        intervals = _intervals(hours, min(walls), max(walls))
        worked = [
            any(opening <= shown and to_come < closing for opening, closing in intervals)
            for shown, to_come in zip(latest_shown, earliest_to_come, strict=True)
        ]
    return worked[_MARGIN : _MARGIN + count]


def _intervals(hours: WorkingHours, first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    dates = [first.date() + timedelta(days=number) for number in range(-2, (last - first).days + 3)]
    return [
        (
            datetime.combine(day, time()) + timedelta(seconds=opening),
            datetime.combine(day, time()) + timedelta(seconds=closing),
        )
        for day in dates
        if day not in hours.holidays
        for opening, closing in hours.weekly[day.weekday()]
    ]
