# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The model, the calibration and the store of a replay."""
from dataclasses import asdict, dataclass
import hashlib
from pathlib import Path
from typing import Any

from bdl_perception.alarm.alert import AlertMachine, NO_CALIBRATION
from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.alarm.arming import rejection_reasons, version_rejection
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.drives.base import split_topic
from bdl_perception.model_store import (
    CALIBRATION_FILE,
    load_calibration,
    load_model_files,
    ModelOptions,
)
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.version import software_version
from bdl_perception.workflows.drive_jobs import path_fingerprint, portable_model, resolve_options
from bdl_perception.workflows.executor import ExecutorConfig
from bdl_perception.workflows.frame_analysis import FrameAnalyser
from bdl_perception.workflows.replay_drive import DriveReplay, ReplayConfig
from bdl_perception.workflows.replay_store import ReplayStore


@dataclass(frozen=True)
class ReplaySetup:
    """What the result of a replay depends on."""

    recording: str  # path, or PATH:TOPIC of a bag
    model: str
    options: ModelOptions
    calibration: Calibration | None
    unarmed_reason: str  # empty: there is a calibration
    policy: AlertPolicy
    config: ReplayConfig
    key: dict[str, Any]  # JSON values


def read_setup(recording: str, model: str, calibration: str | None, options: ModelOptions,
               config: ReplayConfig, *, rate_hz: float | None = None,
               warning_level: str = 'warn') -> ReplaySetup:
    """
    Read the model and the calibration.

    calibration: file, model folder or shipped name; None: that of the model, if it has one.
    OSError, ValueError: a file does not exist or cannot be used.
    """
    files = load_model_files(model)
    alarm, reason = load_alarm(calibration, files.folder, config.camera)
    path, topic = split_topic(recording)
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist; give a bag, a video or a folder of '
                                f'images')
    resolved = resolve_options(options, ExecutorConfig())
    key = {'recording': str(path.resolve()), 'topic': topic, 'files': path_fingerprint(path),
           'rate_hz': rate_hz, 'perceive': files.spec.perceive_sha256,
           'sample': files.spec.sample_sha256, 'options': str(resolved),
           'config': asdict(config), 'warning_level': warning_level,
           'calibration': hashlib.sha256(repr(alarm).encode()).hexdigest(),
           'unarmed_reason': reason, 'version': software_version()}
    # A gap in a recording is no silence of the camera.
    policy = AlertPolicy(recovery_s=0, warning_level=warning_level)
    return ReplaySetup(recording, portable_model(model), resolved, alarm, reason, policy, config,
                       key)


def load_alarm(source: str | None, model: Path, camera: str) -> tuple[Calibration | None, str]:
    """Load the calibration of a camera; without one, return the reason."""
    if source is None and not (model / CALIBRATION_FILE).is_file():
        return None, NO_CALIBRATION
    loaded = load_calibration(source or str(model / CALIBRATION_FILE))
    if rejection := version_rejection(loaded.provenance.software_version, software_version()):
        return None, rejection
    return loaded.for_camera(camera), ''


def calibration_facts(source: str | None,
                      calibration: Calibration | None) -> list[tuple[str, str]]:
    """Name the loaded calibration, source as of load_alarm, and the scores that it watches."""
    if calibration is None:
        return [('calibration', 'none')]
    return [('calibration', source or f'{CALIBRATION_FILE} of the model'),
            ('watched scores', ', '.join(calibration.distribution.watched).replace('_', ' '))]


@dataclass(frozen=True)
class ReplaySession:
    """A replay that can run, and the folder in which it is stored."""

    setup: ReplaySetup
    analyser: FrameAnalyser
    store: ReplayStore
    replay: DriveReplay

    def unarmed_reason(self) -> str:
        """Say why the alarm is not armed; empty: it is."""
        calibration = self.setup.calibration
        return self.setup.unarmed_reason or '; '.join(
            rejection_reasons(calibration, self.analyser.identity) if calibration else ())


def make_analyser(backend: Backend, options: ModelOptions) -> FrameAnalyser:
    """Make an analyser with these options of the model."""
    return FrameAnalyser(Perceiver(backend, options.samples, options.seed, options.fit_mode),
                         options.regions)


def open_session(setup: ReplaySetup, backend: Backend, folder: Path) -> ReplaySession:
    """Prepare a replay; folder: of the unfinished one, which may exist."""
    analyser = make_analyser(backend, setup.options)
    machine = AlertMachine(setup.policy, setup.calibration, setup.unarmed_reason)
    store = ReplayStore(folder, setup.key)
    return ReplaySession(setup, analyser, store,
                         DriveReplay(analyser, machine, store, setup.config))
