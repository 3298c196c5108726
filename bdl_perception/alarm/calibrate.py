# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From the scores of nominal drives to a calibration.

Frames of one drive are alike, so drives are what is counted: the observations of each are thinned,
for the thresholds to the time that the scores remember if so wished, and the limits of the two
sequential alarms are checked by leaving each drive out in turn.
"""
from collections import Counter
from dataclasses import replace
from statistics import median
from typing import NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration, SortedScores
from bdl_perception.alarm.calibration_config import (
    CalibrationConfig,
    check_calibration_config,
    count_recordings,
    design_limits,
    PeakEvidence,
)
from bdl_perception.alarm.conformal import min_p_value, min_threshold_sample_size, round_score
from bdl_perception.alarm.cusum import (
    log_evidence,
    MIXTURE_EXPONENTS,
    P_VALUE_FLOOR,
    peak_cusum,
    peak_mixture_cusum,
    WindowMedian,
)
from bdl_perception.alarm.detection_delay import check_detection_delay
from bdl_perception.alarm.observations import (
    check_drive,
    check_drives,
    decorrelation_s,
    Observation,
    ScoredDrive,
    thin_drive,
)
from bdl_perception.alarm.score_distribution import (
    MIN_OBSERVATIONS,
    min_sample_size,
    mondrian_group,
)
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scores import score_descriptions
from bdl_perception.perception.status import Identity

MAX_UNWATCHED_OBSERVATIONS = 5000  # observations that are kept of a score that only `bdl evaluate` compares with


class PreparedDrives(NamedTuple):
    """Drives as they count."""

    thinned: list[ScoredDrive]  # to the steps of the alarm
    threshold_drives: list[ScoredDrive]  # of the thresholds
    score_step_s: float  # between what is kept
    observed_step_s: float | None
    decorrelation_s: dict[str, float]


def calibrate(drives: Sequence[ScoredDrive], identity: Identity, config: CalibrationConfig,
              software_version: str) -> Calibration:
    """Make the calibration; ValueError when the drives cannot give what is wished."""
    made = calibrate_ignoring_delay(drives, identity, config, software_version)
    check_detection_delay(made, design_limits(config))
    return made


def calibrate_ignoring_delay(drives: Sequence[ScoredDrive], identity: Identity, config: CalibrationConfig,
                   software_version: str) -> Calibration:
    """Make the calibration, however late its ERROR can be."""
    regions = parse_regions(identity.regions)
    check_calibration_config(config, count_recordings(drive.recording for drive in drives), regions)
    for drive in drives:
        check_drive(drive, regions, config.watched)
    thinned, kept, score_step_s, observed_s, memory = prepare_drives(drives, config)
    _check_observation_count(kept, config)
    judged = leave_one_out(thinned, kept, identity, config)
    limits = _limits(judged, sum(len(drive.observations) for drive in kept), config)
    return replace(
        _calibration_without_limits(kept, identity, config, tuple(score_descriptions(regions))),
        drives=tuple(drive.name for drive in drives),
        frames=sum(len(drive.observations) for drive in drives),
        cusum_limit=limits.fast, slow_limit=limits.slow, software_version=software_version,
        score_step_s=score_step_s, observed_step_s=observed_s, decorrelation_s=memory,
        held_out=tuple(round_score(one.fast) for one in judged),
        held_out_slow=tuple(round_score(one.slow) for one in judged),
        steps=tuple(len(drive.observations) for drive in thinned),
        windows=tuple(_count_windows(drive, config.slow_step_s) for drive in thinned))


def prepare_drives(drives: Sequence[ScoredDrive], config: CalibrationConfig) -> PreparedDrives:
    """Thin drives for the alarm and for its thresholds; ValueError names one that is none."""
    thinned = [thin_drive(drive, config.step_s) for drive in drives]
    check_drives(thinned, config.step_s)
    observed_s = _observed_step_s(thinned)
    memory = {name: decorrelation_s([_score_values(drive, name) for drive in thinned],
                                    observed_s or config.step_s) for name in config.watched}
    score_step_s = max(config.step_s, *memory.values()) if config.decorrelate else config.step_s
    return PreparedDrives(thinned, [thin_drive(drive, score_step_s) for drive in drives], score_step_s,
                    observed_s, memory)


def leave_one_out(thinned: Sequence[ScoredDrive], threshold_drives: Sequence[ScoredDrive], identity: Identity,
             config: CalibrationConfig) -> list[PeakEvidence]:
    """
    Judge every observation of each thinned drive by what is kept of other recordings.

    A group counts as many drives as in the end: one of just enough is judged by its own too.
    """
    found, counts = [], count_group_drives(threshold_drives, config)
    for index, drive in enumerate(thinned):
        rest = [one for one in (*threshold_drives[:index], *threshold_drives[index + 1:])
                if not one.recording or one.recording != drive.recording]
        if not rest:
            raise ValueError(f'nothing is left to judge drive {drive.name} by: every other drive '
                             f'is of its recording {drive.recording}; add other recordings')
        others = _calibration_without_limits(rest, identity, config, config.watched)
        others = replace(others, group_drives={group: counts[group] for group in others.groups})
        p_values = [(seen.stamp_ns, others.p_value(seen.values)) for seen in drive.observations]
        found.append(PeakEvidence(peak_cusum((p for _, p in p_values), config.exponent),
                             peak_mixture_cusum(p_values, config.slow_step_s)))
    return found


def _calibration_without_limits(threshold_drives: Sequence[ScoredDrive], identity: Identity, config: CalibrationConfig,
               names: Sequence[str]) -> Calibration:
    """Make the calibration whose limits are not known yet."""
    seen = [one for drive in threshold_drives for one in drive.observations]
    groups: dict[str, list[Observation]] = {}
    for one in seen:
        group = mondrian_group(config.group_by, one.values)
        if group is not None:
            groups.setdefault(group, []).append(one)
    return Calibration(
        identity=identity, alpha=config.alpha, watched=config.watched,
        scores=_calibration_scores(seen, names, config), drives=(), frames=0, step_s=config.step_s,
        false_alarms_per_hour=config.false_alarms_per_hour, cusum_limit=1., exponent=config.exponent,
        software_version='', slow_step_s=config.slow_step_s, tails=config.tails,
        group_by=config.group_by,
        groups={group: sort_scores(rows, config.watched) for group, rows in sorted(groups.items())},
        group_drives=count_group_drives(threshold_drives, config))


def count_group_drives(threshold_drives: Sequence[ScoredDrive], config: CalibrationConfig) -> dict[str, int]:
    """Count the drives of each group: those with as many pictures of it as a drive must have."""
    found: dict[str, list[str]] = {}  # group -> recordings
    for drive in threshold_drives:
        counts = Counter(mondrian_group(config.group_by, seen.values) for seen in drive.observations)
        for group, count in counts.items():
            if group is not None:
                enough = count >= MIN_OBSERVATIONS  # a tunnel is no drive at night
                found.setdefault(group, []).extend([drive.recording] if enough else [])
    return {group: count_recordings(names) for group, names in sorted(found.items())}


def _limits(peaks: Sequence[PeakEvidence], count: int, config: CalibrationConfig) -> PeakEvidence:
    """Take the limits that theory asks for, or one best-paid step above what was seen."""
    # A single step cannot lift a further drive from the highest value seen over the limit.
    smallest_p = min_p_value(count, len(config.watched), config.tails)
    step = max(0., log_evidence(smallest_p, config.exponent))
    slow_step = max(log_evidence(max(smallest_p, P_VALUE_FLOOR), exponent) for exponent in MIXTURE_EXPONENTS)
    least = design_limits(config)
    return PeakEvidence(max(least.fast, max(one.fast for one in peaks) + step),
                   max(least.slow, max(one.slow for one in peaks) + max(0., slow_step)))


def _check_observation_count(threshold_drives: Sequence[ScoredDrive], config: CalibrationConfig) -> None:
    """Refuse too few observations for a threshold, or for evidence that could ever rise."""
    count = sum(len(drive.observations) for drive in threshold_drives)
    scores = len(config.watched)
    share = config.alpha / scores / (1 if config.tails == 'upper' else 2)
    for needed, what, remedy in (
            (min_threshold_sample_size(share), f'alpha {config.alpha:g}', 'raise alpha'),
            (min_sample_size(scores, config.tails, config.exponent),
             f'evidence that can rise with exponent {config.exponent:g}', 'raise the exponent')):
        if count < needed:
            more = -(-(needed - count) * len(threshold_drives) // count)
            raise ValueError(
                f'{count} observations that count in {len(threshold_drives)} drives: {what} over {scores} '
                f'scores ({config.tails}) needs {needed}, {needed - count} more; add {more} drives '
                f'like these or {remedy}')


def _calibration_scores(observations: Sequence[Observation], names: Sequence[str], config: CalibrationConfig) -> SortedScores:
    """Sort all values of what is watched, and enough to compare with of what is not."""
    few = observations[::-(-len(observations) // MAX_UNWATCHED_OBSERVATIONS) or 1]
    return {name: values for name in names
            for values in sort_scores(observations if name in config.watched else few, [name]).values()}


def sort_scores(observations: Sequence[Observation], names: Sequence[str]) -> SortedScores:
    """Sort the values of each score; what nobody watches may be missing here and there."""
    return {name: tuple(sorted(round_score(one.values[name]) for one in observations if name in one.values))
            for name in names}


def _score_values(drive: ScoredDrive, name: str) -> list[float]:
    return [seen.values[name] for seen in drive.observations]


def _count_windows(drive: ScoredDrive, slow_step_s: float) -> int:
    """Count how often a drive feeds the slow alarm."""
    windows = WindowMedian(slow_step_s)
    return sum(windows.add(seen.stamp_ns, 1.) is not None for seen in drive.observations)


def _observed_step_s(drives: Sequence[ScoredDrive]) -> float | None:
    """Give the usual time between two observations; None: no drive has two."""
    gaps = [later.stamp_ns - seen.stamp_ns for drive in drives for seen, later
            in zip(drive.observations, drive.observations[1:], strict=False)]
    return median(gaps) / 1e9 if gaps else None
