# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Recordings of the topics scores and status, written without the code that reads them."""
from dataclasses import asdict
from pathlib import Path
from typing import Any, Iterable, Mapping

from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.scores import cycle_score_descriptions, score_descriptions
from bdl_perception.perception.status import Identity, PerceptionStatus
from calibrations import IDENTITY
from drive_files import header, TYPES, write_bag
import numpy as np

SESSION = 'a' * 32


def diagnostics(stamp_ns: int, values: Iterable[tuple[str, object]]) -> Any:
    pairs = [TYPES['diagnostic_msgs/msg/KeyValue'](key, str(value)) for key, value in values]
    status = TYPES['diagnostic_msgs/msg/DiagnosticStatus'](0, 'bdl_perception: x', '', '', pairs)
    return TYPES['diagnostic_msgs/msg/DiagnosticArray'](header(stamp_ns), [status])


def scores_record(scores: Scores, session: str = SESSION) -> Any:
    return diagnostics(scores.stamp_ns, [
        *scores.values.items(), ('cycle', scores.cycle), ('session', session),
        ('sequence_number', 1), ('challenges', '')])


def status_record(stamp_ns: int, status: PerceptionStatus, session: str = SESSION) -> Any:
    identity = asdict(status.identity) if status.identity else {}
    return diagnostics(stamp_ns, [
        ('state', status.state), ('frames_in', 1), ('frames_out', 1), ('frames_dropped', 0),
        ('session', session), ('sequence_number', 1), ('challenges', ''), *identity.items(),
        *(('fault', fault) for fault in status.faults)])


def active(identity: Identity = IDENTITY, *faults: str) -> PerceptionStatus:
    return PerceptionStatus('active', faults, identity=identity)


def frame_and_cycle(stamp_ns: int, values: Mapping[str, float], cycle: int) -> list[Scores]:
    """Divide the values of an observation like perception_node does."""
    names = set(cycle_score_descriptions())
    return [Scores(stamp_ns, 'front', {name: value for name, value in values.items()
                                       if (name in names) == of_cycle}, cycle * of_cycle)
            for of_cycle in (False, True)]


def random_values(rng: np.random.Generator) -> dict[str, float]:
    """Draw a value of each score."""
    return {name: float(rng.normal(1, .1)) for name in score_descriptions()}


def write_scores(folder: Path, contents: Iterable[Scores | PerceptionStatus],
                 namespace: str = '', session: str = SESSION) -> Path:
    """Write contents in their order as an MCAP recording; the stamps are those of the scores."""
    return write_bag(folder, score_messages(contents, namespace, session), mcap=True)


def score_messages(contents: Iterable[Scores | PerceptionStatus], namespace: str = '',
                   session: str = SESSION) -> list[tuple[str, int, Any]]:
    """Give the messages of contents as write_bag takes them."""
    return [(f'{namespace}/scores', number, scores_record(one, session))
            if isinstance(one, Scores) else
            (f'{namespace}/status', number, status_record(number, one, session))
            for number, one in enumerate(contents)]


def drive_contents(values: Iterable[tuple[int, Mapping[str, float]]],
                   identity: Identity = IDENTITY) -> list[Scores | PerceptionStatus]:
    """Give scores of each stamp (ns) and its values, and a heartbeat before and after each."""
    contents: list[Scores | PerceptionStatus] = [active(identity)]
    for cycle, (stamp_ns, row) in enumerate(values, start=1):
        contents += [*frame_and_cycle(stamp_ns, row, cycle), active(identity)]
    return contents
