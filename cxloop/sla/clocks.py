"""One promise's clock as a value: start, pause, resume, breach, settle, waive.

Every move is decided by the moment it is given, never by when it was noticed, and gives a new clock; a move
that changes nothing gives the same one. A deadline is inclusive: what happens exactly at it is in time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cxloop.sla.calendar import WorkingHours


class ClockState(StrEnum):
    running = "running"
    paused = "paused"
    met = "met"
    breached = "breached"  # for good, answered or not; `settled_at` says whether anything is still owed
    waived = "waived"  # ended with nothing kept and nothing broken


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one promise in one cycle of a case; a Promise row holds the same fields."""

    hours: WorkingHours
    started_at: datetime
    budget: int  # working seconds promised
    state: ClockState
    running_since: datetime | None  # none while paused and once it is over
    left: timedelta  # working time left at running_since, at the pause or at the end; negative when late
    due_at: datetime | None  # none while paused and when waived; never moves after a breach
    breached_at: datetime | None = None  # the deadline itself, whenever it was noticed
    settled_at: datetime | None = None  # when it was over: answered or waived

    @classmethod
    def start(cls, hours: WorkingHours, at: datetime, budget: int, *, paused: bool = False) -> Clock:
        """A clock that runs from `at`, or waits with its whole budget. CalendarError as `hours.add` says."""
        if budget < 0:
            raise ValueError("a promise needs a budget of zero seconds or more")
        return cls(
            hours=hours,
            started_at=at,
            budget=budget,
            state=ClockState.paused if paused else ClockState.running,
            running_since=None if paused else at,
            left=timedelta(seconds=budget),
            due_at=None if paused else hours.add(at, budget),
        )

    def pause(self, at: datetime) -> Clock:
        """Stop using budget. A deadline that had passed before is breached, and only the counting stops."""
        clock = self.breach_if_due(at)
        if clock.running_since is None:
            return clock
        stopped = replace(clock, left=clock.margin(at), running_since=None)
        if stopped.state is ClockState.breached:
            return stopped
        return replace(stopped, state=ClockState.paused, due_at=None)

    def resume(self, at: datetime) -> Clock:
        """Go on with what is left. Once breached, the deadline stays and only the counting goes on."""
        if self.running_since is not None or self.settled_at is not None:
            return self
        if self.state is ClockState.breached:
            return replace(self, running_since=at)
        # Nothing left means due at once, as a budget that ends at closing is: not at the next opening.
        due_at = self.hours.add(at, self.left) if self.left else at
        return replace(self, state=ClockState.running, running_since=at, due_at=due_at)

    def breach_if_due(self, at: datetime) -> Clock:
        """Breached, dated by its deadline, if that has passed by `at` without a settlement."""
        if self.state is not ClockState.running or self.due_at is None or at <= self.due_at:
            return self
        return replace(self, state=ClockState.breached, breached_at=self.due_at)

    def settle(self, at: datetime) -> Clock:
        """The promised thing was done at `at`: met up to the deadline, breached after it.

        While paused it is judged by the deadline it would have, had it resumed then. An answer in time that
        comes to light after a sweep called it late is met: the event's own moment decides.
        """
        if self.settled_at is not None:
            return self
        if self.breached_at is not None and at <= self.breached_at:
            left = min(self.hours.between(at, self.breached_at), timedelta(seconds=self.budget))
            return self._over(at, ClockState.met, left)
        clock = self.resume(at).breach_if_due(at)
        state = ClockState.breached if clock.breached_at else ClockState.met
        return clock._over(at, state, clock.margin(at))

    def waive(self, at: datetime) -> Clock:
        """Nothing is owed any more. What was broken before stays broken, and ends here too."""
        clock = self.breach_if_due(at)
        if clock.settled_at is not None:
            return clock
        if clock.state is ClockState.breached:
            return clock._over(at, ClockState.breached, clock.margin(at))
        return replace(clock._over(at, ClockState.waived, clock.margin(at)), due_at=None)

    def margin(self, at: datetime) -> timedelta:
        """Working time left at `at`, negative when late; stands still while paused and once it is over."""
        if self.running_since is None:
            return self.left
        return self.left - max(self.hours.between(self.running_since, at), timedelta(0))

    def used(self, at: datetime) -> timedelta:
        """Working time used up to `at`, pauses excluded: the budget less the margin."""
        return timedelta(seconds=self.budget) - self.margin(at)

    def _over(self, at: datetime, state: ClockState, left: timedelta) -> Clock:
        breached_at = self.breached_at if state is ClockState.breached else None
        return replace(self, state=state, left=left, running_since=None, breached_at=breached_at, settled_at=at)
