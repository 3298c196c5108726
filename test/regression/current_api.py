# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The package as test_numbers_unchanged.py sees it: the only file there that imports it.

Everything goes in and comes out as plain values, arrays and dictionaries, so that whoever moves or
renames something in the package changes this file and neither the test nor reference.json.
"""
from dataclasses import replace
import json
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

import bdl_perception
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibrate import calibrate
from bdl_perception.alarm.calibrate_cameras import calibrate_cameras
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.calibration_io import calibration_from_dict, calibration_to_dict
from bdl_perception.alarm.observations import Observation, ScoredDrive
from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.drives import open_drive
from bdl_perception.drives.description import Segment
from bdl_perception.evaluation.alarm_metrics import (
    alert_shares,
    detections,
    poisson_rate,
    summarise_delays,
)
from bdl_perception.evaluation.alarm_replay import (
    AlertStep,
    monitored_times_ns,
    pause_duration_ns,
    replay,
    replay_concatenated,
)
from bdl_perception.evaluation.drive_record import DriveRecord, frame_group, Origin
from bdl_perception.evaluation.inference import check_camera_health, finish_cycle, score_drive
from bdl_perception.evaluation.results import to_plain
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.metrics.ood import (
    bootstrap_separation,
    percentile_interval,
    resample_weights,
    separation,
)
from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.metrics.recalibration import fit_intervals, RecalibrationState
from bdl_perception.metrics.registry import compute_metrics, create_metric_states
from bdl_perception.model_store import load_calibration, load_model_files
from bdl_perception.perception.data_types import Epistemic, Prediction, Scores
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.scores import (
    cycle_score_descriptions,
    cycle_scores,
    drop_empty_scores,
    frame_score_descriptions,
    frame_scores,
    IMAGE_PREFIX,
)
from bdl_perception.perception.status import build_identity, PerceptionStatus
from bdl_perception.report.calibration_summary import calibration_text
import numpy as np

Values = Mapping[str, float]
Maps = Mapping[str, Any]  # name -> array

PACKAGE = Path(bdl_perception.__file__).parent
MODEL_FOLDER = PACKAGE / 'models' / 'street'
FILM = PACKAGE / 'demo' / 'street_fog_dirt.mp4'
FRAME_SCORES = tuple(frame_score_descriptions())  # of the single pass, of the shipped regions
CYCLE_SCORES = tuple(cycle_score_descriptions())
RENAMED_METRICS = {'selective_prediction': 'recall'}
RENAMED_KEYS = {'usable_sigma': 'stated', 'frames': 'pictures', 'correct': 'right',
                'counts': 'count'}
SAMPLES, SEED = 16, 0  # that the shipped calibration is of


# What the network sees


def open_street() -> Perceiver:
    """Open the shipped model on one thread."""
    return Perceiver(OnnxRuntimeBackend(load_model_files('street'), threads=1), SAMPLES, SEED)


def film_frames(indices: Sequence[int]) -> list[Any]:
    """Read some pictures of the bundled drive; indices ascend."""
    found = []
    for index, frame in enumerate(open_drive(FILM)):
        if index in indices:
            found.append(frame)
        if index >= indices[-1]:
            break
    return found


def looked_at(perceiver: Perceiver, frame: Any) -> dict[str, dict[str, Any]]:
    """Run the single pass and a whole cycle: all arrays by name, and the scores as sent."""
    perceiver.discard_frame()
    observed = perceiver.perceive(frame)
    unsure = finish_cycle(perceiver)
    raw = perceiver.backend.perceive(
        perceiver.image_fit(frame.rgb.shape[1], frame.rgb.shape[0]).apply(frame.rgb))
    camera = observed.camera
    assert camera is not None
    return {
        'raw': {**{name: getattr(raw, name) for name in (
            'depth', 'aleatoric_std', 'classes', 'entropy', 'max_probability', 'energy',
            'log_depth_std', 'feature_distance', 'cell_distance')}, **raw.features},
        'prediction': {name: getattr(observed, name) for name in (
            'depth', 'aleatoric_std', 'classes', 'entropy', 'max_probability', 'energy',
            'log_depth_std', 'feature_distance', 'cell_distance', 'brightness', 'non_finite')},
        'camera': {name: getattr(camera, name)
                   for name in ('width', 'height', 'fx', 'fy', 'cx', 'cy')},
        'epistemic': {name: getattr(unsure, name) for name in (
            'depth_std', 'log_depth_std', 'mutual_information', 'samples', 'non_finite')},
        'frame_scores': without_image_statistics(
            drop_empty_scores(frame_scores(observed).values)),
        'cycle_scores': drop_empty_scores(cycle_scores(unsure, 1).values)}


def without_image_statistics(values: Mapping[str, float]) -> dict[str, float]:
    """Leave out what version 0.1.0 did not measure; test_image_quality has its numbers."""
    return {name: value for name, value in values.items() if not name.startswith(IMAGE_PREFIX)}


def film_scores(perceiver: Perceiver, step_s: float) -> list[tuple[int, dict[str, float]]]:
    """Score the bundled drive about every step_s, as `bdl calibrate` would."""
    perceiver.discard_frame()
    return [(observed.stamp_ns, without_image_statistics(observed.values))
            for observed in score_drive(perceiver, check_camera_health(open_drive(FILM)), step_s)]


# Calibrations


def calibration_of(drives: Iterable[Mapping[str, Any]], config: Mapping[str, Any],
                   intervals: DepthIntervals | None = None) -> Calibration:
    """Calibrate on drives of name, camera, recording and rows of (stamp, values)."""
    scored = [ScoredDrive(one['name'], tuple(Observation(stamp, values)
                                             for stamp, values in one['rows']),
                          one['camera'], one['recording']) for one in drives]
    asked = CalibrationConfig(**{'alpha': .01, **config})  # the default of the reference numbers
    by = calibrate_cameras if asked.group_by == 'camera' else calibrate
    made = by(scored, _identity(), asked, 'a version')
    if intervals is None:
        return made
    return replace(made, intervals=intervals.to_dict())


def shipped_calibration() -> Calibration:
    """Read the calibration of the shipped model, with the limits of the reference numbers."""
    found = load_calibration('street')
    return replace(found, distribution=replace(found.distribution, alpha=.01),
                   limits=replace(found.limits, cusum=28.56246778119133, slow=23.951730362328668))


def through_its_file(made: Calibration) -> Calibration:
    """Write a calibration as calibration.json would hold it, and read it again."""
    return calibration_from_dict(json.loads(json.dumps(calibration_to_dict(made))))


def of_camera(made: Calibration, camera: str) -> Calibration:
    """Give what one camera is judged by."""
    return made.for_camera(camera)


def calibration_numbers(made: Calibration) -> dict[str, Any]:
    """Give every number of a calibration, its scores included, that no picture is needed for."""
    known, limits, origin, test = made.distribution, made.limits, made.provenance, made.test
    return {
        'alpha': known.alpha, 'score_alpha': test.pooled.score_alpha, 'exponent': limits.exponent,
        'step_s': limits.step_s, 'slow_step_s': limits.slow_step_s,
        'false_alarms_per_hour': limits.false_alarms_per_hour,
        'watched': known.watched, 'drives': len(origin.drives), 'frames': origin.frames,
        'separate_drives': made.independent_drive_count, 'fewest': test.min_observations,
        'fewest_for_evidence': test.min_evidence_observations,
        'thresholds': test.pooled.thresholds, 'low_thresholds': test.pooled.low_thresholds,
        'cusum_limit': limits.cusum, 'slow_limit': limits.slow,
        'held_out': origin.held_out_peaks, 'held_out_slow': origin.held_out_slow_peaks,
        'steps': origin.steps_per_drive, 'windows': origin.windows_per_drive,
        'score_step_s': origin.score_step_s, 'observed_step_s': origin.observed_step_s,
        'decorrelation_s': origin.decorrelation_s,
        'group_drives': {name: group.drives for name, group in known.groups.items()},
        'of_groups': {group: {'thresholds': one.thresholds, 'low_thresholds': one.low_thresholds}
                      for group, one in made.group_tests.items()},
        'of_cameras': {name: {'cusum_limit': part.limits.cusum if part.limits else None,
                              'slow_limit': part.limits.slow if part.limits else None,
                              'held_out': part.provenance.held_out_peaks,
                              'held_out_slow': part.provenance.held_out_slow_peaks,
                              'drives': len(part.provenance.drives),
                              'frames': part.provenance.frames}
                       for name, part in made.cameras.items()},
        'refusals': len(rejection_reasons(made, _identity()))}


def calibration_scores(made: Calibration) -> dict[str, Sequence[float]]:
    """Give the ascending scores that it keeps, of all and of each group."""
    groups = {name: group.scores for name, group in made.distribution.groups.items()}
    cameras = {name: part.distribution.scores for name, part in made.cameras.items()}
    return {**made.distribution.scores,
            **{f'{group}: {name}': row for group, rows in (groups | cameras).items()
               for name, row in rows.items()}}


def calibration_words(made: Calibration) -> str:
    """Give the summary, whose numbers are compared."""
    return calibration_text(made)


def tested(made: Calibration, values: Values) -> tuple[float, int]:
    """Give the p-value of one picture, and how many of its scores are beyond thresholds."""
    return made.test.p_value(values), len(made.test.exceedances(values))


# Alerts


def played(made: Calibration | None, events: Sequence[tuple[Any, ...]],
           policy: Mapping[str, float]) -> list[dict[str, Any]]:
    """Tell an alert machine what happens, in order, and give its state at each 'look'."""
    # The stored histories are of the fixed age limit, and of STALE that ends at once.
    fixed = {'min_stale_after_s': 60., 'recovery_s': 0., **policy}
    machine = AlertMachine(AlertPolicy(**fixed), made)
    identities = {'right': _identity(), 'none': None,
                  'other': build_identity(load_model_files('street').spec, SAMPLES, SEED + 1)}
    found = []
    for kind, now_s, *rest in events:
        if kind == 'status':
            state, faults, identity = rest
            machine.update_status(
                now_s, PerceptionStatus(state, faults, identity=identities[identity]))
        elif kind == 'scores':
            stamp_ns, values, cycle, ros_now_ns = rest
            known = drop_empty_scores(values)
            machine.update_scores(now_s, Scores(stamp_ns, 'camera', known, cycle), ros_now_ns)
        else:
            state = machine.state(now_s)
            found.append({'now_s': now_s, 'level': int(state.level), 'reasons': len(state.reasons),
                          'cusum': state.cusum, 'p_value': state.p_value, 'slow': state.slow,
                          'cusum_limit': state.cusum_limit, 'slow_limit': state.slow_limit,
                          'stamp_ns': state.stamp_ns, 'statistics': len(state.statistics),
                          'thresholds': state.thresholds,
                          'low_thresholds': state.low_thresholds})
    return found


def replayed(made: Calibration, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Replay records of stamps_ns, rows, faults and segments, apart and in a row."""
    known = [_record(**one) for one in records]
    apart = [replay(record, made, _identity()) for record in known]
    return {
        'apart': [_steps(steps) for steps in apart],
        'in_a_row': _steps(replay_concatenated(known, made, _identity())),
        'watched_ns': [monitored_times_ns(record) for record in known],
        'paused_ns': [pause_duration_ns(record) for record in known],
        'shares': [alert_shares(steps)._asdict() for steps in apart],
        'delays': [_delays([one for _, one in detections(record, steps)])
                   for record, steps in zip(known, apart, strict=True)]}


def _delays(found: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in summarise_delays(found)._asdict().items()
            if name != 'detections'}


def _steps(steps: Iterable[AlertStep]) -> dict[str, Any]:
    rows = list(steps)
    return {name: [getattr(one, name) for one in rows]
            for name in ('stamp_ns', 'cusum', 'p_value', 'slow')} | {
                name: ''.join(str(int(getattr(one, name))) for one in rows)
                for name in ('error', 'exceeds', 'warned')}


def _record(name: str, stamps_ns: Sequence[int], rows: Sequence[Values],
            segments: Sequence[tuple[str, float, float, bool, float]],
            faults: Mapping[int, tuple[str, ...]]) -> DriveRecord:
    origin = Origin(name, 'a set', tuple(Segment(*one) for one in segments))
    groups = tuple(frame_group(origin, (stamp - stamps_ns[0]) / 1e9) for stamp in stamps_ns)
    return DriveRecord(origin, tuple(stamps_ns), groups,
                       {key: tuple(row[key] for row in rows) for key in rows[0]}, {},
                       CYCLE_SCORES, faults)


def _identity() -> Any:
    return build_identity(load_model_files('street').spec, SAMPLES, SEED)


# Metrics


def view_of(maps: Maps) -> LabelledPrediction:
    """Make a view of what a model says and of the truth of one picture."""
    depth = maps['depth']
    prediction = Prediction(
        0, 'camera', None, depth, maps['aleatoric_std'], maps['classes'], maps['entropy'],
        maps['max_probability'], maps['energy'], maps['log_depth_std'], 0.,
        np.zeros((1, 1), np.float32), 0)
    epistemic = Epistemic(0, 'camera', SAMPLES, depth * maps['epistemic'], maps['epistemic'],
                          maps['mutual_information'], 0, maps['probability'])
    rgb = np.zeros((*depth.shape, 3), np.uint8)
    return LabelledPrediction('a view', rgb, prediction, epistemic,
                              maps['true_depth'], maps['true_classes'])


def intervals_of(views: Iterable[LabelledPrediction], drives: int) -> DepthIntervals:
    """Fit the factor, the temperature and the multipliers of intervals of depth."""
    tally = RecalibrationState()
    for view in views:
        tally.update(view)
    return fit_intervals(tally.state(), drives)


def interval_numbers(known: DepthIntervals) -> dict[str, Any]:
    """Give all that was fitted."""
    return known.to_dict()


def half_widths(known: DepthIntervals, depth: Any, log_std: Any) -> Any:
    """Give half the widths of the intervals of log-depth, (N, levels)."""
    return known.half_widths(depth, log_std)


def measured(views: Sequence[LabelledPrediction], known: DepthIntervals | None) -> dict[str, Any]:
    """Give what every measure says: depth, classes, averaged, intervals, reliability ..."""
    tallies = create_metric_states(known)
    for tally in tallies.values():
        for view in views:
            tally.update(view)
    found = compute_metrics({name: tally.state() for name, tally in tallies.items()})
    return {RENAMED_METRICS.get(name, name): _with_former_keys(to_plain(one))
            for name, one in found._asdict().items() if one is not None}


def _with_former_keys(values: Any) -> Any:
    """Give the keys of the reference, from before they were renamed."""
    if not isinstance(values, dict):
        return values
    return {RENAMED_KEYS.get(key, key): _with_former_keys(one) for key, one in values.items()}


def separated(nominal: Sequence[float], exceeded: Sequence[float]) -> dict[str, float]:
    """Tell how well a score separates frames."""
    return separation(nominal, exceeded)._asdict()


def drawn(nominal: Sequence[Sequence[float]], exceeded: Sequence[Sequence[float]], seed: int,
          draws: int) -> dict[str, Any]:
    """Draw drives of both sides: every draw of every measure, and its interval."""
    weights = [resample_weights(name, len(drives), seed, draws)
               for name, drives in (('nominal', nominal), ('strange', exceeded))]
    found = bootstrap_separation(nominal, exceeded, *weights)
    return {'weights': np.concatenate(weights, axis=1), **found._asdict(),
            'intervals': {name: percentile_interval(row) for name, row in found._asdict().items()}}


def rate_of(events: int, hours: float) -> dict[str, float]:
    """Give a rate an hour with its interval."""
    return poisson_rate(events, hours)._asdict()
