"""Holidays: days of the calendar that are unlike their weekday."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import Floats, HolidayDays, Instants

SUNDAY = 3  # 1970-01-04, in days since 1970
WEEKS_COMPARED = 8
MOST_HOLIDAYS = 20  # the newest ones
LEAST_OWN = 3  # holidays, before they have an effect of their own
LEAST_ERRORS = 10

Effect = Literal["none", "Sunday", "own"]


@dataclass(frozen=True)
class HolidayEffect:
    """What holidays do to a series.

    regular: the past as if there had been none. kind: what predicted past holidays best, each
    without itself; without any, they are like Sundays.
    """

    holidays: HolidayDays
    regular: Floats
    actual: Floats
    is_log: bool

    def apply(self, ahead: Floats) -> Floats:
        """Change a forecast of ordinary days where it has holidays."""
        count = len(self.regular)
        is_holiday = self.holidays.is_holiday[count : count + len(ahead)]
        steps = np.flatnonzero(is_holiday) + count
        change = self._sunday(steps) if self.kind != "none" else np.zeros(len(steps))
        if self.kind == "own":
            change = change + self._own[steps % self.holidays.a_day]
        made = ahead.copy()
        made[is_holiday] = self._add(made[is_holiday], change)
        return made

    def widen(self, half: Floats, ahead: Instants, level: float) -> Floats:
        """Half the width of the band, on holidays at least what held the level's share of them.

        ahead: which step after the past each is.
        """
        errors = self._errors[self.kind]
        if len(errors) < LEAST_ERRORS:
            return half
        is_holiday = self.holidays.is_holiday[len(self.regular) + ahead]
        return np.where(is_holiday, np.maximum(half, np.quantile(errors, level)), half)

    @cached_property
    def kind(self) -> Effect:
        usual = {kind: float(errors.mean()) for kind, errors in self._errors.items() if len(errors)}
        return min(usual, key=lambda kind: usual[kind]) if usual else "Sunday"

    @cached_property
    def _past(self) -> list[NDArray[np.int64]]:
        """The steps with a value of each of the newest holidays."""
        count = len(self.actual)
        is_known = self.holidays.is_holiday[:count] & np.isfinite(self.actual)
        is_known[: 7 * self.holidays.a_day] = False  # without a week before, nothing is regular
        steps = np.flatnonzero(is_known)
        days = self.holidays.days[steps]
        parts = np.split(steps, np.flatnonzero(np.diff(days)) + 1)
        return [part for part in parts[-MOST_HOLIDAYS:] if len(part)]

    @cached_property
    def _errors(self) -> dict[Effect, Floats]:
        """Absolute errors on the past's holidays, by what is said of them."""
        errors: dict[Effect, list[Floats]] = {"none": [], "Sunday": []}
        rests = [self._rest(steps) for steps in self._past]
        if len(rests) >= LEAST_OWN:
            errors["own"] = []
        for place, steps in enumerate(self._past):
            sunday = self._sunday(steps)
            said: dict[Effect, Floats] = {"none": np.zeros(len(steps)), "Sunday": sunday}
            if "own" in errors:
                own = self._mean_rest(rests[:place] + rests[place + 1 :])
                said["own"] = sunday + own[steps % self.holidays.a_day]
            for kind, change in said.items():
                made = self._add(self.regular[steps], change)
                errors[kind].append(np.abs(made - self.actual[steps]))
        return {kind: np.concatenate([*each, np.empty(0)]) for kind, each in errors.items()}

    @cached_property
    def _own(self) -> Floats:
        return self._mean_rest([self._rest(steps) for steps in self._past])

    def _rest(self, steps: NDArray[np.int64]) -> Floats:
        """What a holiday was beyond a Sunday, by the step of the day; NaN where it is unknown."""
        rest = np.full(self.holidays.a_day, np.nan)
        difference = self._scaled(self.actual[steps]) - self._scaled(self.regular[steps])
        rest[steps % self.holidays.a_day] = difference - self._sunday(steps)
        return rest

    @staticmethod
    def _mean_rest(rests: list[Floats]) -> Floats:
        known = np.isfinite(rests)
        total = np.where(known, rests, 0.0).sum(axis=0)
        mean: Floats = total / np.maximum(known.sum(axis=0), 1)
        return mean

    def _sunday(self, steps: NDArray[np.int64]) -> Floats:
        """What a Sunday has beyond the weekday of each step, at the same time of day."""
        a_day, profile = self.holidays.a_day, self._week
        weekday = (self.holidays.days[steps] - SUNDAY) % 7
        change: Floats = profile[0, steps % a_day] - profile[weekday, steps % a_day]
        return change

    @cached_property
    def _week(self) -> Floats:
        """Means of the newest weeks, from Sunday on, by step of the day; zeros without a week."""
        a_day, count = self.holidays.a_day, len(self.regular)
        if count < 7 * a_day:
            return np.zeros((7, a_day))
        weeks = min(count // (7 * a_day), WEEKS_COMPARED)
        steps = np.arange(count - weeks * 7 * a_day, count)
        weekday = (self.holidays.days[steps] - SUNDAY) % 7
        cell = weekday * a_day + steps % a_day
        total = np.bincount(cell, self._scaled(self.regular[steps]), 7 * a_day)
        return total.reshape(7, a_day) / np.maximum(
            np.bincount(cell, minlength=7 * a_day).reshape(7, a_day), 1
        )

    def _scaled(self, values: Floats) -> Floats:
        return np.log(values) if self.is_log else values

    def _add(self, values: Floats, change: Floats) -> Floats:
        if not self.is_log:
            return values + change
        scaled: Floats = values * np.exp(change)
        return scaled


def learn_holidays(values: Floats, observed: Floats, holidays: HolidayDays) -> HolidayEffect:
    """What the past says about holidays.

    values: without gaps. observed: the same with NaN where no point came. Where all are above 0,
    effects are shares. Each holiday of the past is replaced by the mean of the same weekday one and
    two weeks before.
    """
    regular, week = values.copy(), 7 * holidays.a_day
    for step in np.flatnonzero(holidays.is_holiday[: len(values)]):
        before = [place for place in (step - week, step - 2 * week) if place >= 0]
        later = [step + week] if step + week < len(values) else []
        if before or later:
            regular[step] = regular[before or later].mean()
    return HolidayEffect(holidays, regular, observed, float(values.min()) > 0)
