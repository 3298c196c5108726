# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From the drives of several cameras to one calibration that holds for each.

The drives of a camera make its part alone: thinning, thresholds, the count of drives and what
held-out drives asked of the limits are its own, so that it promises of this camera what a
calibration of one camera promises. All drives together are what is left for a camera with too few;
there each drive is judged by other recordings only. The wished rate of false alarms is of each
camera: a vehicle with two has up to twice as many.
"""
from collections import Counter
from dataclasses import replace
from typing import Sequence

from bdl_perception.alarm.calibrate import (
    calibrate,
    calibrate_ignoring_delay,
    prepare_drives,
    sort_scores,
)
from bdl_perception.alarm.calibration import (
    Calibration,
    CameraCalibration,
    SortedScores,
    to_camera_calibration,
)
from bdl_perception.alarm.calibration_config import (
    CalibrationConfig,
    count_recordings,
    design_limits,
)
from bdl_perception.alarm.detection_delay import check_detection_delay
from bdl_perception.alarm.observations import ScoredDrive
from bdl_perception.alarm.score_distribution import MIN_DRIVES
from bdl_perception.perception.status import Identity


def calibrate_cameras(drives: Sequence[ScoredDrive], identity: Identity, config: CalibrationConfig,
                      software_version: str) -> Calibration:
    """Make the calibration; ValueError when the drives cannot give what is wished."""
    check_cameras([(drive.camera, drive.recording) for drive in drives])
    alone = config._replace(group_by='none')
    pooled = calibrate_ignoring_delay(drives, identity, alone, software_version)
    groups: dict[str, SortedScores] = {}
    cameras: dict[str, CameraCalibration] = {}
    for name in sorted({drive.camera or '' for drive in drives}):
        own = [drive for drive in drives if drive.camera == name]
        groups[name] = _camera_scores(own, alone)
        enough = len(own) >= MIN_DRIVES and pooled.count_observations(groups[name]) >= pooled.min_observations
        cameras[name] = (to_camera_calibration(calibrate(own, identity, alone, software_version)) if enough else
                         CameraCalibration(tuple(drive.name for drive in own), _count_frames(own)))
    made = replace(pooled, group_by='camera', groups=groups, cameras=cameras)
    if len(made.group_distributions) < len(cameras):  # else the limit of all drives is nobody's
        check_detection_delay(pooled, design_limits(alone))
    return made


def check_cameras(drives: Sequence[tuple[str | None, str]]) -> None:
    """
    Refuse what no calibration by camera can be made of; a drive is a camera and a recording.

    That is drives of no camera, cameras none of which could be judged by itself, and one that has
    enough drives only because one recording is in pieces.
    """
    counts = Counter(camera for camera, _ in drives)
    if unnamed := counts.pop(None, 0):
        raise ValueError(f'{unnamed} drives are of no camera; name it before each, such as '
                         f'front=DRIVE, or leave --group-by camera out')
    if counts and max(counts.values()) < MIN_DRIVES:
        told = ', '.join(f'{count} of {name}' for name, count in sorted(counts.items()))
        raise ValueError(f'no camera has the {MIN_DRIVES} drives that it needs to be judged by '
                         f'itself ({told}): frames of one drive are alike, and cameras of one '
                         f'vehicle see the same road; add drives of a camera')
    for name, count in counts.items():
        separate = count_recordings(recording for camera, recording in drives if camera == name)
        if separate < MIN_DRIVES <= count:
            raise ValueError(f'{count} drives of {name} are of {separate} recordings, which count '
                             f'as one drive each; {MIN_DRIVES} are needed: add recordings of '
                             f'it, or give fewer pieces')


def _camera_scores(drives: Sequence[ScoredDrive], config: CalibrationConfig) -> SortedScores:
    kept = prepare_drives(drives, config).threshold_drives
    return sort_scores([seen for drive in kept for seen in drive.observations], config.watched)


def _count_frames(drives: Sequence[ScoredDrive]) -> int:
    return sum(len(drive.observations) for drive in drives)
