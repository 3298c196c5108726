# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What calibration drives support, in plain words: how early, how rarely, and what it costs."""
from dataclasses import replace
from typing import Any, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.detection_delay import min_detection_delay

MAX_COSTLY = 3  # drives that are named
COLOUR, CHOSEN_COLOUR = 'C0', 'C3'


class TradeOff(NamedTuple):
    """One possible limit of the fast alarm."""

    limit: float
    delay_s: float  # until ERROR, if every frame is as extreme as possible
    false_errors: int  # drives whose held-out evidence exceeds the limit
    per_hour: float  # these by the duration of all drives


def driven_hours(calibration: Calibration) -> float:
    """Return the duration of all drives, h."""
    origin = calibration.provenance
    return origin.frames * (origin.observed_step_s or calibration.limits.step_s) / 3600


def trade_offs(calibration: Calibration) -> list[TradeOff]:
    """Return every limit that makes a difference for these drives, and the chosen one, rising."""
    limits, peaks = calibration.limits, calibration.provenance.held_out_peaks
    hours = driven_hours(calibration)
    candidates = {limits.cusum, limits.design().cusum, *(peak for peak in peaks if peak > 0)}
    found = []
    for limit in sorted(candidates):
        delay = min_detection_delay(calibration.distribution, replace(limits, cusum=limit))
        exceeding = sum(peak > limit for peak in peaks)
        if delay is not None:
            found.append(TradeOff(limit, delay.seconds, exceeding, exceeding / hours))
    return found


def support_lines(calibration: Calibration) -> list[str]:
    """Explain the trade-off between delay and false alarms; empty: the peaks are not known."""
    peaks = calibration.provenance.held_out_peaks
    known = {one.limit: one for one in trade_offs(calibration)}
    chosen = known.get(calibration.limits.cusum)
    if not peaks or chosen is None:
        return []
    return [
        f'trade-off     a change that every frame shows raises ERROR after {chosen.delay_s:.2g} s '
        f'at the earliest; a lower limit is faster and has more false alarms',
        *(f'  limit {one.limit:8.2f}  {one.delay_s:6.2g} s  drives with a false ERROR: '
          f'{one.false_errors}, {one.per_hour:.2g} per hour{" (chosen)" if one == chosen else ""}'
          for one in _selected(list(known.values()), chosen)),
        *_costly_lines(calibration, known)]


def _selected(known: Sequence[TradeOff], chosen: TradeOff) -> list[TradeOff]:
    """Return the chosen limit and the nearest ones at other delays."""
    faster = [one for one in known if one.delay_s < chosen.delay_s][-2:]
    slower = [one for one in known if one.delay_s > chosen.delay_s][:2]
    return [*faster, chosen, *slower]


def _costly_lines(calibration: Calibration, known: dict[float, TradeOff]) -> list[str]:
    """Name the drives with the highest evidence, and the delay of a limit that spares them."""
    origin = calibration.provenance
    ranked = sorted(zip(origin.held_out_peaks, origin.drives, strict=True), reverse=True)
    named = [f'{name} (evidence {peak:.2f}, a limit that spares it takes '
             f'{known[peak].delay_s:.2g} s)'
             for peak, name in ranked[:MAX_COSTLY] if peak in known]
    return [f'costly drives {"; ".join(named)}'] if named else []


def draw_trade_offs(axes: Any, calibration: Calibration) -> None:
    """Draw false alarms per hour against the delay; of limits with one delay, the highest."""
    known = trade_offs(calibration)
    best = {one.delay_s: one.per_hour for one in known}
    axes.step(list(best), list(best.values()), where='post', color=COLOUR, linewidth=1,
              marker='o', markersize=3)
    for one in known:
        if one.limit == calibration.limits.cusum:
            axes.plot([one.delay_s], [one.per_hour], 's', color=CHOSEN_COLOUR,
                      label=f'chosen limit {one.limit:.2f}')
            axes.legend(fontsize=8)
    axes.set(xlabel='minimum detection delay, s', ylabel='false ERRORs per hour', ylim=(0, None))
