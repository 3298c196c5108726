# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The alert once more, as a definition that rereads the whole history for every question.

It shares no code with bdl_perception.alarm but the names of the values. Every answer about event k
comes from the events up to k alone; answers are cached, because the same ones are needed often.
"""
from dataclasses import dataclass
from functools import cache
import math
from typing import Any, Iterator

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.calibration import Calibration


@dataclass(frozen=True)
class Event:
    """An input of the machine when its clock read now_s, or a query of its state."""

    now_s: float
    kind: str  # status, frame, cycle, ask
    payload: Any = None  # a PerceptionStatus, or Scores
    age_s: float = 0.  # of a frame


class SlowAlert:
    """Answers for the moment of any of the events that it is given."""

    def __init__(self, policy: AlertPolicy, calibration: Calibration,
                 events: list[Event]) -> None:
        self.policy, self.calibration, self.events = policy, calibration, events
        gaps = [b.now_s - a.now_s for a, b in zip(events, events[1:], strict=False)]
        self.times = [sum(max(0, gap) for gap in gaps[:k]) for k in range(len(events))]
        self.jumps = {k + 1 for k, gap in enumerate(gaps) if gap < 0}
        self.dropped: set[int] = set()
        for k, event in enumerate(events):
            before = self.arrivals(k - 1, event.kind, self.era(k))
            if before and event.payload.stamp_ns <= before[-1].payload.stamp_ns:
                same = [i for i in range(self.era(k), k) if events[i].kind == event.kind]
                loops = len(same) > 2 and set(same[-2:]) <= self.dropped
                (self.jumps if loops else self.dropped).add(k)
        self.late = cache(self._late)
        self.evidence, self.error = cache(self._evidence), cache(self._error)
        self.drift = cache(self._drift)
        self.exceedances, self.is_quiet = cache(self._exceeded), cache(self._quiet)

    def level(self, k: int) -> AlertLevel:
        """Return the level right after event k."""
        warned = any(status.warnings for _, status in self.statuses(k)[-1:])
        warned = warned or self.recently(k, 'warnings')
        if self.stale(k) or warned and self.policy.warning_level == 'stale':
            return AlertLevel.STALE
        if self.error(k) or self.latched(k):
            return AlertLevel.ERROR
        faults = any(status.faults for _, status in self.statuses(k)[-1:])
        faults = faults or self.recently(k, 'faults')
        if faults or self.exceedances(k) or not self.is_quiet(k) or (
                warned and self.policy.warning_level == 'warn'):
            return AlertLevel.WARN
        return AlertLevel.OK

    def recently(self, k: int, name: str) -> bool:
        """Return whether the status had warnings, or faults, in the last clear_s until event k."""
        return any(self.times[k] - self.times[m] < self.policy.clear_s and any(
            getattr(status, name) for _, status in self.statuses(m - 1)[-1:])
            for m in range(1, k + 1))

    def era(self, k: int) -> int:
        """Return the index from which on frames count at event k."""
        return max((jump for jump in self.jumps if jump <= k), default=0)

    def arrivals(self, k: int, kind: str, start: int) -> list[Event]:
        return [self.events[i] for i in self.indices(k, kind, start)]

    def indices(self, k: int, kind: str, start: int) -> list[int]:
        """Return the frames or cycles that are not dropped."""
        return [i for i in range(start, k + 1) if self.events[i].kind == kind
                and kind in ('frame', 'cycle') and i not in self.dropped]

    def statuses(self, k: int) -> list[tuple[float, Any]]:
        return [(self.times[i], event.payload) for i, event in enumerate(self.events[:k + 1])
                if event.kind == 'status']

    def stale(self, k: int) -> bool:
        now, policy = self.times[k], self.policy
        statuses = self.statuses(k)
        late = [m for m in range(1, k + 1) if self.late(m)]
        if not statuses or self.is_late(k, now):
            return True
        if late and now - self.times[late[-1]] < policy.recovery_s:
            return True
        if any(now - self.times[m] < policy.recovery_s and any(
                status.state != 'active' for _, status in self.statuses(m - 1)[-1:])
               for m in range(1, k + 1)):
            return True
        status = statuses[-1][1]
        if status.state != 'active' or status.identity != self.calibration.provenance.identity:
            return True
        if status.status_hz is not None and status.status_hz * policy.stale_after_s < 1.5:
            return True
        if any(jump <= k and now - self.times[jump] < policy.hold_s for jump in self.jumps):
            return True
        start = self.era(k)
        if not self.indices(k, 'frame', start) or self.lacking(k):
            return True
        return not any(i >= start for i, _, _ in self.observations(k))

    def _late(self, m: int) -> bool:
        """Return whether an input was late before event m, or a frame nearly so soon after."""
        if self.is_late(m - 1, self.times[m]):
            return True
        frames = self.indices(m, 'frame', self.era(m))
        if len(frames) < 2 or frames[-1] != m or (
                self.times[m] - self.times[frames[-2]] <= .8 * self.policy.stale_after_s):
            return False
        return any(self.times[m] - self.times[i] < self.policy.recovery_s and self.late(i)
                   for i in range(1, m))

    def is_late(self, k: int, now: float) -> bool:
        """Return whether an input until event k is late at a moment."""
        policy, statuses, start = self.policy, self.statuses(k), self.era(k)
        if statuses and now - statuses[-1][0] > policy.stale_after_s:
            return True
        frames = self.indices(k, 'frame', start)
        if not frames:
            return False
        silent, newest = now - self.times[frames[-1]], self.events[frames[-1]]
        if silent > self.max_silence(k) or abs(newest.age_s) > policy.max_frame_age_s:
            return True
        stamps = [stamp for i, stamp, _ in self.observations(k) if i >= start]
        return bool(stamps) and (newest.payload.stamp_ns - stamps[-1]) / 1e9 + silent > (
            policy.epistemic_max_age_s)

    def max_silence(self, k: int) -> float:
        """Return two periods of the frames until event k."""
        frames = self.indices(k, 'frame', 0)
        gaps = sorted([self.times[b] - self.times[a] for a, b in zip(
            frames, frames[1:], strict=False) if self.era(a) == self.era(b)][-20:])
        most = self.policy.stale_after_s
        if len(gaps) < 5:
            return most
        two_periods = 2.25 * gaps[int(.9 * (len(gaps) - 1))]
        return min(most, max(self.policy.min_stale_after_s, two_periods))

    def lacking(self, k: int) -> bool:
        """Return whether the last observation lacks a watched score."""
        joined = [{*values, *self.blind(values)} for i, _, values in self.joined(k)
                  if i >= self.era(k)]
        return bool(joined) and not joined[-1] >= set(self.calibration.distribution.watched)

    def observations(self, k: int) -> Iterator[tuple[int, int, dict[str, float]]]:
        """Return index, stamp and scores of every cycle that completes an observation."""
        for i, stamp, values in self.joined(k):
            whole = {**values, **dict.fromkeys(self.blind(values), math.nan)}
            if set(self.calibration.distribution.watched) <= set(whole):
                yield i, stamp, whole

    def blind(self, values: dict[str, float]) -> set[str]:
        """Return the watched score of depth if the classes alone were scored: all is sky."""
        return {'epistemic_depth'} & set(self.calibration.distribution.watched) - set(values) if (
            'mutual_information' in values) else set()

    def joined(self, k: int) -> Iterator[tuple[int, int, dict[str, float]]]:
        """Return index, stamp and scores of every cycle that found its frame."""
        for i in self.indices(k, 'cycle', 0):
            event = self.events[i]
            frames = [e.payload for e in self.arrivals(i, 'frame', self.era(i))]
            oldest = frames[-1].stamp_ns - self.policy.epistemic_max_age_s * 1e9 if frames else 0
            match = [frame for frame in frames if frame.stamp_ns == event.payload.stamp_ns
                     and frame.stamp_ns >= oldest]
            if match:
                yield i, event.payload.stamp_ns, {**match[-1].values, **event.payload.values}

    def p(self, name: str, score: float, frame_values: dict[str, float]) -> float:
        made = self.calibration.distribution
        values = made.scores[name]
        if made.group_by == 'light' and 'brightness' in frame_values:
            group = 'night' if frame_values['brightness'] < .28 else 'day'
            own = made.groups[group].scores[name] if group in made.groups else ()
            share = made.alpha / len(made.watched) / (2 if made.tails == 'two_sided' else 1)
            values = own if (len(own) + 1) * share >= 1 - 1e-9 else values
        above = sum(value >= score for value in values)  # none is above NaN
        if made.tails == 'upper':
            return (above + 1) / (len(values) + 1)
        below = sum(value <= score for value in values) if score == score else above
        return min(1, 2 * (min(above, below) + 1) / (len(values) + 1))

    def measured_stamps(self, k: int) -> Iterator[tuple[int, int, float]]:
        """Return era, stamp and p-value of the observations that are a step apart."""
        last, names = (-1, 0.), self.calibration.distribution.watched
        step = self.calibration.limits.step_s * 1e9
        for i, stamp, values in self.observations(k):
            era = self.era(i)
            if last[0] != era:
                last = (era, stamp)  # where each one has its place, a step from the one before
            elif stamp >= last[1] + step - step / 4:
                last = (era, max(last[1] + step, stamp - step / 4))
            else:
                continue
            yield era, stamp, min(1, len(names) * min(
                self.p(name, values[name], values) for name in names))

    def _evidence(self, k: int) -> float:
        """Return S after event k."""
        total, limit = 0., self.calibration.limits.cusum
        for _, _, p in self.measured_stamps(k):
            total = min(max(0., total) + math.log(.5 / math.sqrt(p)), limit + 1)
        return total

    def _drift(self, k: int) -> float:
        """Return S of the slow alarm after event k."""
        limit = self.calibration.limits.slow
        if limit is None:
            return 0.
        # The first event distinguishes an era from the next one; several may pass between.
        windows: list[tuple[int, int, list[float]]] = []
        for era, stamp, p in self.measured_stamps(k):
            if windows and windows[-1][0] == era and (
                    stamp - windows[-1][1] < self.calibration.limits.slow_step_s * 1e9):
                windows[-1][2].append(p)
            else:
                windows.append((era, stamp, [p]))
        whole = [sorted(ps)[len(ps) // 2] for (era, _, ps), (after, _, _)
                 in zip(windows, windows[1:], strict=False) if era == after]
        sums = []
        for e in (.1, .3, .5):
            total = 0.
            for p in whole:
                total = min(max(0., total) + math.log(e * max(p, .05)**(e - 1)),
                            limit + math.log(3) + 1)
            sums.append(math.exp(total))
        return math.log(sum(sums) / 3)

    def newest(self, k: int) -> dict[str, float]:
        values: dict[str, float] = {}
        for kind in ('frame', 'cycle'):
            for event in self.arrivals(k, kind, self.era(k))[-1:]:
                values.update(event.payload.values)
        return values

    def _error(self, k: int) -> bool:
        """Return whether there is an error between event k and the next."""
        if k < 0:
            return False
        faulty = bool(self.statuses(k)[-1:] and self.statuses(k)[-1][1].faults) and (
            self.faulty_count(k) > self.policy.tolerated_faults)
        broken = not all(map(math.isfinite, self.newest(k).values()))
        broken = broken or bool(self.blind(self.newest(k)))
        slow = self.calibration.limits.slow is not None and self.drift(k) > (
            self.calibration.limits.slow)
        return faulty or broken or slow or self.evidence(k) > self.calibration.limits.cusum

    def faulty_count(self, k: int) -> int:
        """Return how many statuses until event k have faults since clean frames and results."""
        count, known = 0, [i for i in range(k + 1) if self.events[i].kind == 'status']
        for place, i in enumerate(known):
            faulty = [j for j in known[:place + 1] if self.events[j].payload.faults]
            if faulty[-1:] == [i]:
                count += 1
            elif faulty:
                frames = [self.events[j].payload.frames_out for j in known[:place + 1]
                          if j >= faulty[-1]]
                cycles = [j for j in self.indices(i, 'cycle', 0) if j > faulty[-1]]
                count = 0 if frames[-1] - min(frames) >= 2 and len(cycles) >= 2 else count
        return count

    def _exceeded(self, k: int) -> bool:
        """Return whether a watched score exceeds its threshold between event k and the next."""
        share = self.calibration.distribution.alpha / len(self.calibration.distribution.watched)
        return any(self.p(name, value, frame) <= share + 1e-12
                   for values, frame in self.newest_scores(k) for name, value in values.items()
                   if name in self.calibration.distribution.watched)

    def newest_scores(self, k: int) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
        """Return the newest values of frame and cycle, each with those of its own frame."""
        for event in self.arrivals(k, 'frame', self.era(k))[-1:] if k >= 0 else ():
            yield event.payload.values, event.payload.values
        cycles = self.indices(k, 'cycle', self.era(k))
        for i in cycles[-1:]:
            values = self.events[i].payload.values
            yield values, next((stamps for m, _, stamps in self.joined(k) if m == i), values)

    def _quiet(self, k: int) -> bool:
        """Return whether no score exceeded its threshold for clear_s at the moment of event k."""
        last = [m for m in range(k + 1) if self.exceedances(m - 1)]
        return not last or self.times[k] - self.times[last[-1]] >= self.policy.clear_s

    def latched(self, k: int) -> bool:
        """Return whether no moment since the last error, until event k, has earned OK."""
        errors = [m for m in range(k + 1) if self.error(m - 1)]
        if not errors:
            return False
        low = self.policy.clear_fraction * self.calibration.limits.cusum
        return not any(
            self.times[m] - self.times[errors[-1]] >= self.policy.hold_s and self.is_quiet(m)
            and self.evidence(m - 1) < low and not self.drifted(m - 1)
            for m in range(errors[-1] + 1, k + 1))

    def drifted(self, k: int) -> bool:
        """Return whether slow evidence exceeded its limit and was never low since, at event k."""
        limit = self.calibration.limits.slow
        if limit is None:
            return False
        sums = [self.drift(m) for m in range(k + 1)]
        return any(top > limit and min(sums[m:]) >= self.policy.clear_fraction * limit
                   for m, top in enumerate(sums))
