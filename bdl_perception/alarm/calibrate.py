# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Calibration: from the scores of nominal drives to thresholds and alarm limits.

Frames of one drive are alike, so the unit is the drive. The observations of each are thinned, for
the thresholds to the decorrelation time of the scores if configured. The limits of the two
sequential alarms follow from leaving out each drive in turn (peak_limit.py).
"""
from collections import Counter
from dataclasses import replace
from statistics import median
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.alarm.calibration import AlarmLimits, Calibration, design_limits, Provenance
from bdl_perception.alarm.calibration_config import (
    CalibrationConfig,
    check_calibration_config,
    count_recordings,
)
from bdl_perception.alarm.conformal import (
    min_threshold_sample_size,
    round_score,
    SortedScores,
)
from bdl_perception.alarm.cusum import (
    peak_cusum,
    peak_mixture_cusum,
    SLOW_ALARM_SHARE,
    WindowMedian,
)
from bdl_perception.alarm.detection_delay import check_detection_delay
from bdl_perception.alarm.image_range import fit_image_range
from bdl_perception.alarm.mondrian import mondrian_group, MondrianTest
from bdl_perception.alarm.observations import (
    check_drive,
    check_drives,
    decorrelation_s,
    Observation,
    ScoredDrive,
    thin_drive,
)
from bdl_perception.alarm.peak_limit import peak_quantile, peak_rank, peaks_by_recording
from bdl_perception.alarm.score_distribution import (
    MIN_OBSERVATIONS,
    min_sample_size,
    ScoreDistribution,
    ScoreGroup,
)
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scores import score_descriptions
from bdl_perception.perception.status import Identity

MAX_UNWATCHED_OBSERVATIONS = 5000  # of a score that only `bdl evaluate` compares with


class TooFewObservationsError(ValueError):
    """The drives have too few observations; problem: the message without its remedies."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Describe what is missing and what the user of `bdl calibrate` can do."""
        super().__init__(f'{problem}; {remedy}')
        self.problem = problem


class PreparedDrives(NamedTuple):
    """Drives thinned for the alarm and for its thresholds."""

    thinned: list[ScoredDrive]  # to the steps of the alarm
    threshold_drives: list[ScoredDrive]  # to score_step_s
    score_step_s: float
    observed_step_s: float | None
    decorrelation_s: dict[str, float]


class PeakEvidence(NamedTuple):
    """Highest evidence of the fast and the slow alarm during one held-out drive."""

    fast: float
    slow: float


def calibrate(drives: Sequence[ScoredDrive], identity: Identity, config: CalibrationConfig,
              software_version: str) -> Calibration:
    """Calibrate the alarm; ValueError if the drives do not suffice, or an ERROR is too late."""
    made = calibrate_ignoring_delay(drives, identity, config, software_version)
    check_detection_delay(made)
    return made


def calibrate_ignoring_delay(drives: Sequence[ScoredDrive], identity: Identity,
                             config: CalibrationConfig, software_version: str) -> Calibration:
    """Calibrate the alarm whatever the delay of its ERROR."""
    regions = parse_regions(identity.regions)
    recordings = count_recordings(drive.recording for drive in drives)
    check_calibration_config(config, recordings, regions)
    for drive in drives:
        check_drive(drive, regions, config.watched)
    prepared = prepare_drives(drives, config)
    _check_observation_count(prepared.threshold_drives, config)
    distribution = score_distribution(prepared.threshold_drives, config,
                                      tuple(score_descriptions(regions)))
    peaks = leave_one_out(prepared.thinned, prepared.threshold_drives, config)
    origin = Provenance(
        identity, software_version, tuple(drive.name for drive in drives), count_frames(drives),
        prepared.score_step_s, prepared.observed_step_s, prepared.decorrelation_s,
        held_out_peaks=tuple(peak.fast for peak in peaks),
        held_out_slow_peaks=tuple(peak.slow for peak in peaks),
        steps_per_drive=tuple(len(drive.observations) for drive in prepared.thinned),
        windows_per_drive=tuple(_count_windows(drive, config.slow_step_s)
                                for drive in prepared.thinned))
    return Calibration(distribution, _limits(peaks, prepared, config), origin,
                       image_range=fit_image_range(drives))


def prepare_drives(drives: Sequence[ScoredDrive], config: CalibrationConfig) -> PreparedDrives:
    """Thin drives for the alarm and its thresholds; ValueError names an unusable drive."""
    thinned = [thin_drive(drive, config.step_s) for drive in drives]
    check_drives(thinned, config.step_s)
    observed_s = _observed_step_s(thinned)
    times_s = {name: decorrelation_s([_score_values(drive, name) for drive in thinned],
                                     observed_s or config.step_s) for name in config.watched}
    score_step_s = max(config.step_s, *times_s.values()) if config.decorrelate else config.step_s
    return PreparedDrives(thinned, [thin_drive(drive, score_step_s) for drive in drives],
                          score_step_s, observed_s, times_s)


def score_distribution(drives: Sequence[ScoredDrive], config: CalibrationConfig,
                       names: Sequence[str],
                       group_drives: Mapping[str, int] | None = None) -> ScoreDistribution:
    """Collect the named scores of drives; group_drives: drives of each group if not counted."""
    observations = [observation for drive in drives for observation in drive.observations]
    counts = count_group_drives(drives, config) if group_drives is None else group_drives
    groups: dict[str, list[Observation]] = {}
    for observation in observations:
        group = mondrian_group(config.group_by, observation.values)
        if group is not None:
            groups.setdefault(group, []).append(observation)
    return ScoreDistribution(
        config.watched, config.alpha, _calibration_scores(observations, names, config),
        config.tails, config.group_by,
        {group: ScoreGroup(_calibration_scores(rows, config.watched, config), counts[group])
         for group, rows in sorted(groups.items())})


def leave_one_out(thinned: Sequence[ScoredDrive], threshold_drives: Sequence[ScoredDrive],
                  config: CalibrationConfig) -> list[PeakEvidence]:
    """
    Return the evidence of each thinned drive, tested by the other recordings alone.

    The drives of a group are counted over all drives, so that a group of just MIN_DRIVES is tested
    by its own scores here too.
    """
    peaks, counts = [], count_group_drives(threshold_drives, config)
    for index, drive in enumerate(thinned):
        others = [one for one in (*threshold_drives[:index], *threshold_drives[index + 1:])
                  if not one.recording or one.recording != drive.recording]
        if not others:
            raise ValueError(f'no drive is left to test drive {drive.name}: every other drive is '
                             f'of its recording {drive.recording}; add other recordings')
        test = MondrianTest(score_distribution(others, config, config.watched, counts),
                            config.exponent)
        p_values = [(observation.stamp_ns, test.p_value(observation.values))
                    for observation in drive.observations]
        peaks.append(PeakEvidence(
            round_score(peak_cusum((p for _, p in p_values), config.exponent)),
            round_score(peak_mixture_cusum(p_values, config.slow_step_s))))
    return peaks


def count_group_drives(threshold_drives: Sequence[ScoredDrive],
                       config: CalibrationConfig) -> dict[str, int]:
    """Count the recordings of each group with at least MIN_OBSERVATIONS observations of it."""
    recordings: dict[str, list[str]] = {}  # group -> recordings
    for drive in threshold_drives:
        counts = Counter(mondrian_group(config.group_by, observation.values)
                         for observation in drive.observations)
        for group, count in counts.items():
            if group is not None:  # a tunnel is not a drive at night
                long = count >= MIN_OBSERVATIONS
                recordings.setdefault(group, []).extend([drive.recording] if long else [])
    return {group: count_recordings(names) for group, names in sorted(recordings.items())}


def count_frames(drives: Sequence[ScoredDrive]) -> int:
    """Return the number of scored frames of all drives."""
    return sum(len(drive.observations) for drive in drives)


def _limits(peaks: Sequence[PeakEvidence], prepared: PreparedDrives,
            config: CalibrationConfig) -> AlarmLimits:
    """Return the designed limits; a limit is higher where the peaks of the drives are."""
    design = design_limits(config.false_alarms_per_hour, config.step_s, config.slow_step_s,
                           config.exponent)
    recordings = [drive.recording for drive in prepared.thinned]
    hours = (count_frames(prepared.thinned) * (prepared.observed_step_s or config.step_s)) / 3600

    def limit(values: Sequence[float], share: float) -> float:
        known = peaks_by_recording(values, recordings)
        return peak_quantile(known, peak_rank(len(known), hours,
                                              share * config.false_alarms_per_hour))

    return replace(
        design,
        cusum=max(design.cusum, limit([peak.fast for peak in peaks], 1 - SLOW_ALARM_SHARE)),
        slow=max(design.slow or 0., limit([peak.slow for peak in peaks], SLOW_ALARM_SHARE)))


def _check_observation_count(threshold_drives: Sequence[ScoredDrive],
                             config: CalibrationConfig) -> None:
    """Raise TooFewObservationsError if thresholds or rising evidence need more."""
    count, scores = count_frames(threshold_drives), len(config.watched)
    share = config.alpha / scores / (1 if config.tails == 'upper' else 2)
    for needed, purpose, remedy in (
            (min_threshold_sample_size(share), f'alpha {config.alpha:g}', 'raise alpha'),
            (min_sample_size(scores, config.tails, config.exponent),
             f'evidence with exponent {config.exponent:g}', 'raise the exponent')):
        if count < needed:
            more = -(-(needed - count) * len(threshold_drives) // count)
            raise TooFewObservationsError(
                f'{count} observations after thinning in {len(threshold_drives)} drives: '
                f'{purpose} over {scores} scores ({config.tails}) needs {needed}, '
                f'{needed - count} more', f'add {more} similar drives or {remedy}')


def _calibration_scores(observations: Sequence[Observation], names: Sequence[str],
                        config: CalibrationConfig) -> SortedScores:
    """Sort all values of the watched scores, and a part of those of the others."""
    part = observations[::-(-len(observations) // MAX_UNWATCHED_OBSERVATIONS) or 1]
    return {name: _sort_score(observations if name in config.watched else part, name)
            for name in names}


def _sort_score(observations: Sequence[Observation], name: str) -> tuple[float, ...]:
    """Sort the values of a score; some may be missing if it is not watched."""
    return tuple(sorted(round_score(observation.values[name]) for observation in observations
                        if name in observation.values))


def _score_values(drive: ScoredDrive, name: str) -> list[float]:
    return [observation.values[name] for observation in drive.observations]


def _count_windows(drive: ScoredDrive, slow_step_s: float) -> int:
    """Count the full windows of the slow alarm in a drive."""
    windows = WindowMedian(slow_step_s)
    return sum(windows.add(observation.stamp_ns, 1.) is not None
               for observation in drive.observations)


def _observed_step_s(drives: Sequence[ScoredDrive]) -> float | None:
    """Return the median time between two observations; None: no drive has two."""
    gaps = [later.stamp_ns - observation.stamp_ns for drive in drives for observation, later
            in zip(drive.observations, drive.observations[1:], strict=False)]
    return median(gaps) / 1e9 if gaps else None
