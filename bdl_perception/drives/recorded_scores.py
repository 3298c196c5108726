# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The scores and status that perception_node published, from a rosbag2 folder, .mcap or .db3."""
from pathlib import Path
from typing import Any, Iterator

from bdl_perception.drives import find_bag
from bdl_perception.drives.bag import Bag, open_reader, stamp_and_frame_id
from bdl_perception.drives.base import DriveError, split_topic
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.diagnostic import (
    Pairs,
    read_scores,
    read_status,
    SESSION_KEY,
)
from bdl_perception.perception.status import PerceptionStatus
from rosbags.serde import SerdeError

DIAGNOSTICS_TYPE = 'diagnostic_msgs/msg/DiagnosticArray'
SCORES_NAME, STATUS_NAME = '/scores', '/status'  # ends of the topics; a namespace precedes them


def recorded_scores(source: str | Path) -> Iterator[Scores | PerceptionStatus]:
    """
    Read scores and status of one perception_node in the order of their recording.

    source: PATH or PATH:TOPIC, as in run.mcap:/front/scores. DriveError names the file and what
    is wrong: no such topic, several of them, a message that cannot be read, two perception_nodes.
    """
    path, topic = split_topic(source)
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist; give a recording with the topics scores '
                                f'and status')
    bag_path = find_bag(path)
    if bag_path is None:
        raise DriveError(f'{path} is no recording; give a rosbag2 folder, .mcap or .db3 with the '
                         f'topics scores and status')
    with open_reader(bag_path, (DIAGNOSTICS_TYPE,)) as bag:
        scores = _select_topic(path, topic, bag)
        status = scores.removesuffix(SCORES_NAME) + STATUS_NAME
        sessions = _Sessions(f'{path}, topic {scores}')
        for name, message in bag.messages(scores, status):
            try:
                pairs = _pairs(message)
                sessions.check(dict(pairs).get(SESSION_KEY, ''))
                yield (read_status(pairs) if name == status else
                       read_scores(*stamp_and_frame_id(message), pairs))
            except DriveError:
                raise
            except ValueError as error:
                raise DriveError(f'{path}, topic {name}: {error}') from error


class _Sessions:
    """
    Checks that one perception_node after the other published.

    Each run has a session id; a recording that no node published has none.
    """

    def __init__(self, where: str) -> None:
        """Start before the first message; where: the file and the topic."""
        self._where = where
        self._ended: set[str] = set()
        self._current: str | None = None

    def check(self, session: str) -> None:
        """Take the next message; DriveError: its session has ended already."""
        if session in self._ended:
            raise DriveError(f'{self._where}: two perception_nodes published at the same time; '
                             f'leave this recording out')
        if self._current is not None and self._current != session:
            self._ended.add(self._current)
        self._current = session


def _select_topic(path: Path, topic: str, bag: Bag) -> str:
    """Return the topic of the scores, whose status was recorded too."""
    counts: dict[str, int] = {one.topic: one.msgcount for one in bag.connections}
    found = sorted(name for name, count in counts.items() if name.endswith(SCORES_NAME) and count)
    if topic:
        found = [name for name in found if name == topic]
    if not found:
        raise DriveError(f'{path} has no message of {topic or "a topic scores"}; record it with '
                         f'`ros2 bag record scores status`')
    if len(found) > 1:
        raise DriveError(f'{path} has the scores of several perception_nodes: '
                         f'{", ".join(found)}; choose one, such as {path}:{found[0]}')
    status = found[0].removesuffix(SCORES_NAME) + STATUS_NAME
    if not counts.get(status):
        raise DriveError(f'{path} has no message of {status}, which tells the model and the '
                         f'faults; record it beside {found[0]}')
    return found[0]


def _pairs(message: Any) -> Pairs:
    if isinstance(message, SerdeError):
        raise ValueError(str(message))
    if len(message.status) != 1:
        raise ValueError(f'a message must have one status, this one has {len(message.status)}')
    return [(pair.key, pair.value) for pair in message.status[0].values]
