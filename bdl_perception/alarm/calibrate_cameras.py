# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Calibration of several cameras: one for each, by its own drives.

Thinning, thresholds, drive counts and held-out evidence of a camera come from its drives alone, so
that it has the guarantees of a calibration of one camera. A camera with too few drives uses all
drives together; there each drive is tested by other recordings only. The target rate of false
alarms applies to each camera: a vehicle with two has up to twice as many.
"""
from collections import Counter
from dataclasses import replace
from typing import Sequence

from bdl_perception.alarm.calibrate import (
    calibrate,
    calibrate_ignoring_delay,
    count_frames,
    prepare_drives,
    score_distribution,
)
from bdl_perception.alarm.calibration import Calibration, CameraCalibration, Provenance
from bdl_perception.alarm.calibration_config import CalibrationConfig, count_recordings
from bdl_perception.alarm.detection_delay import check_detection_delay
from bdl_perception.alarm.observations import ScoredDrive
from bdl_perception.alarm.score_distribution import MIN_DRIVES
from bdl_perception.perception.status import Identity


def calibrate_cameras(drives: Sequence[ScoredDrive], identity: Identity, config: CalibrationConfig,
                      software_version: str) -> Calibration:
    """Calibrate the alarm of each camera; ValueError if the drives do not suffice."""
    check_cameras([(drive.camera, drive.recording) for drive in drives])
    pooled_config = replace(config, group_by='none')
    pooled = calibrate_ignoring_delay(drives, identity, pooled_config, software_version)
    cameras = {}
    for name in sorted({drive.camera or '' for drive in drives}):
        own = [drive for drive in drives if drive.camera == name]
        cameras[name] = _calibrate_camera(name, own, pooled, pooled_config)
    made = replace(pooled, cameras=cameras)
    if len(made.group_tests) < len(cameras):  # else no camera uses the limits of all drives
        check_detection_delay(pooled)
    return made


def check_cameras(drives: Sequence[tuple[str | None, str]]) -> None:
    """
    Raise ValueError if drives, given as (camera, recording), allow no calibration by camera.

    These are drives without a camera, cameras that all have too few drives, and a camera that has
    MIN_DRIVES only because a recording is in pieces.
    """
    counts = Counter(camera for camera, _ in drives)
    if unnamed := counts.pop(None, 0):
        raise ValueError(f'{unnamed} drives have no camera; name it before each, such as '
                         f'front=DRIVE, or leave --group-by camera out')
    if counts and max(counts.values()) < MIN_DRIVES:
        described = ', '.join(f'{count} of {name}' for name, count in sorted(counts.items()))
        raise ValueError(f'no camera has the {MIN_DRIVES} drives that it needs ({described}): '
                         f'frames of one drive are alike, and the cameras of a vehicle record the '
                         f'same road; add drives of a camera')
    for name, count in counts.items():
        recordings = count_recordings(recording for camera, recording in drives if camera == name)
        if recordings < MIN_DRIVES <= count:
            raise ValueError(f'{count} drives of {name} are of {recordings} recordings, which '
                             f'count as one drive each; {MIN_DRIVES} are needed: add recordings '
                             f'of it, or give fewer pieces')


def _calibrate_camera(name: str, drives: Sequence[ScoredDrive], pooled: Calibration,
                      config: CalibrationConfig) -> CameraCalibration:
    """Calibrate one camera, without limits if it has too few drives or observations."""
    identity, version = pooled.provenance.identity, pooled.provenance.software_version
    distribution = score_distribution(prepare_drives(drives, config).threshold_drives, config,
                                      config.watched)
    if pooled.test.sample_size_rejection(name, len(drives), distribution.observations):
        names = tuple(drive.name for drive in drives)
        return CameraCalibration(distribution, Provenance(identity, version, names,
                                                          count_frames(drives)))
    made = calibrate(drives, identity, config, version)
    return CameraCalibration(distribution, made.provenance, made.limits, made.image_range)
