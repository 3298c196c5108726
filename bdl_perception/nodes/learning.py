# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The file of a calibration that alert_node learns while somebody drives."""
from concurrent.futures import Future
import os
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.learning import LearnedScores, Learning
from bdl_perception.model_store import save_calibration
from bdl_perception.nodes.lifecycle import describe_error
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from bdl_perception.version import software_version

CONFIG = CalibrationConfig()


class LearningState(NamedTuple):
    """The calibration when it is written, or how far the learning is."""

    calibration: Calibration | None
    progress: str


class CalibrationFile:
    """Learns a calibration and writes it once; the heartbeat goes on while it is computed."""

    def __init__(self, path: Path, minutes: float) -> None:
        """Start without scores; ValueError if the file cannot be written, or exists."""
        check_new_file(path)
        self._path = path
        self._learning = Learning(minutes, CONFIG.step_s)
        self._result: Future[Calibration] | None = None  # of the attempt that is computed
        self._calibration: Calibration | None = None  # computed, but perhaps not written yet

    def add(self, content: Scores | PerceptionStatus) -> None:
        """Add scores or a heartbeat."""
        if isinstance(content, Scores):
            self._learning.update_scores(content)
        else:
            self._learning.update_status(content)

    def poll(self) -> LearningState:
        """Start an attempt when it is time, and write its result; call it about every second."""
        if self._result is not None and self._result.done():
            self._end_attempt(self._result)
        if self._calibration is not None:
            return self._write(self._calibration)
        if self._result is None and (scores := self._learning.attempt()) is not None:
            self._result = _computed(scores)
        busy = '; the calibration is computed' if self._result else ''
        return LearningState(None, f'learning {self._path}: {self._learning.progress}{busy}')

    def _end_attempt(self, result: 'Future[Calibration]') -> None:
        self._result = None
        try:
            self._calibration = result.result()
        except Exception as error:  # noqa: BLE001  # the alert must report it
            self._learning.reject(describe_error(error))

    def _write(self, calibration: Calibration) -> LearningState:
        """Write the file; if that fails, the next call tries it again."""
        try:
            check_new_file(self._path)
            save_calibration(self._path, calibration)
        except (ValueError, OSError) as error:
            return LearningState(None, f'learned, but not written: {error}')
        return LearningState(calibration, f'learned {self._path}: {self._learning.progress}')


def check_new_file(path: Path) -> None:
    """Raise ValueError unless a calibration can be written there and replaces no file."""
    if path.suffix != '.json':
        raise ValueError(f'learn is {str(path)!r}, must end in .json')
    if path.exists():
        raise ValueError(f'learn is {str(path)!r}, which exists and is not replaced: name another '
                         f'file')
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f'learn is {str(path)!r}: {folder} is not a writable folder')


def _computed(scores: LearnedScores) -> 'Future[Calibration]':
    """Compute in a thread, which ends with the process."""
    result: Future[Calibration] = Future()

    def compute() -> None:
        try:
            result.set_result(scores.calibrate(CONFIG, software_version()))
        except Exception as error:  # noqa: BLE001  # raised again where the result is read
            result.set_exception(error)

    Thread(target=compute, name='calibrate', daemon=True).start()
    return result
