# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Calibrate the alarm from recorded scores, without images and without the network.

The scores of a recording are those of the images, so that the calibration is the same. A stop of
more than a minute divides a recording into drives.
"""
from collections import Counter
from itertools import chain
import logging
from pathlib import Path
from typing import NamedTuple, Sequence

from bdl_perception.alarm.arming import identity_differences, version_rejection
from bdl_perception.alarm.calibrate import calibrate as calibrate_alarm
from bdl_perception.alarm.calibrate_cameras import calibrate_cameras
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.observations import ScoredDrive
from bdl_perception.alarm.score_collection import ScoreCollector
from bdl_perception.drives.base import split_topic
from bdl_perception.drives.catalog import CameraDrive, list_camera_drives
from bdl_perception.drives.recorded_scores import recorded_scores
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity
from bdl_perception.version import software_version
from bdl_perception.workflows.calibrate_model import check_unique_drives, unique_names

LOG = logging.getLogger(__name__)
DEFAULT_CONFIG = CalibrationConfig()


class CollectedRecording(NamedTuple):
    """The drives of one recording, and the model that they were scored by."""

    source: Path
    identity: Identity
    drives: list[ScoredDrive]


def calibrate_scores(recordings: Sequence[str | Path | CameraDrive], *,
                     config: CalibrationConfig = DEFAULT_CONFIG) -> Calibration:
    """
    Calibrate the alarm of the model that the recordings were scored by.

    recordings: rosbag2 folders, .mcap or .db3 with the topics scores and status, PATH:TOPIC for
    one of several cameras, or folders of such; with config.group_by 'camera', CameraDrive.
    ValueError: a recording cannot be read, is of another model than the first one, or all together
    cannot give this calibration.
    """
    if rejection := version_rejection(software_version(), software_version()):
        raise ValueError(rejection)  # no version: alert_node would reject the calibration
    known = list_camera_drives(recordings, config.group_by)
    check_unique_drives(one.path for one in known)
    collected = [collect_recording(one, config.step_s) for one in known]
    check_same_identity(collected)
    drives = _rename(collected)
    fit = calibrate_cameras if config.group_by == 'camera' else calibrate_alarm
    return fit(drives, collected[0].identity, config, software_version())


def collect_recording(known: CameraDrive, step_s: float) -> CollectedRecording:
    """Collect the drives of a recording; ValueError: it has none. Logs what was left out."""
    collector = ScoreCollector(step_s)
    for content in recorded_scores(known.path):
        if isinstance(content, Scores):
            collector.update_scores(content)
        else:
            collector.update_status(content)
    refused = _refused_text(collector.refused)
    if collector.identity is None or not collector.drives:
        raise ValueError(f'{known.path} has no frame that can be learned from: '
                         f'{refused or "no Monte Carlo result with the scores of its frame"}')
    if refused:
        LOG.warning('%s: %s', known.path, refused)
    name = split_topic(known.path)[0].stem
    return CollectedRecording(known.path, collector.identity, [
        ScoredDrive(_part(name, index), drive.observations(), known.camera,
                    _part(known.recording, index))
        for index, drive in enumerate(collector.drives, start=1)])


def check_same_identity(collected: Sequence[CollectedRecording]) -> None:
    """Raise ValueError for a recording that was scored by another model than the first one."""
    first = collected[0]
    for one in collected[1:]:
        if differences := identity_differences(first.identity, one.identity):
            raise ValueError(f'{one.source} was scored with {", ".join(differences)} than '
                             f'{first.source}; calibrate them apart')


def _part(name: str, number: int) -> str:
    """Name a drive of a recording: the first by the recording alone."""
    return name if number == 1 else f'{name} part {number}'


def _refused_text(refused: Counter[str]) -> str:
    return 'frames left out: ' + ', '.join(
        f'{count} ({reason})' for reason, count in refused.items()) if refused else ''


def _rename(collected: Sequence[CollectedRecording]) -> list[ScoredDrive]:
    """Name drives of equal names by their folders too."""
    names = unique_names({str(one.source): one.drives[0].name for one in collected})
    return list(chain.from_iterable(
        (drive._replace(name=_part(names[str(one.source)], number))
         for number, drive in enumerate(one.drives, start=1)) for one in collected))
