# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Who publishes on a topic: a second publisher mixes two sources, by mistake or on purpose.

This finds mistakes and simple attacks. Only SROS 2 prevents the others.
"""
from collections import deque
from typing import Mapping

from rclpy.node import Node

MAX_STEPS_BACK = 1  # of the sequence number in WINDOW_S; a publisher that restarts makes one
WINDOW_S = 10.0


class SequenceNumbers:
    """Detects two publishers of one name by the sequence numbers of their messages."""

    def __init__(self) -> None:
        """Start without a message."""
        self._last: int | None = None
        self._steps_back_s: deque[float] = deque(maxlen=MAX_STEPS_BACK + 1)

    def add(self, now_s: float, message_info: Mapping[str, int | None]) -> None:
        """Record a message; the middleware counts the messages of each publisher."""
        number = message_info.get('publication_sequence_number')
        if number is None:  # not every middleware has it
            return
        if self._last is not None and number <= self._last:
            self._steps_back_s.append(now_s)
        self._last = number

    def are_mixed(self, now_s: float) -> bool:
        """Return whether the numbers went back more often than by a restart."""
        times = self._steps_back_s
        return len(times) > MAX_STEPS_BACK and now_s - times[0] <= WINDOW_S


def publisher_names(node: Node, topic: str) -> list[str]:
    """
    List the full names of the nodes that publish on a topic, each name once.

    A publisher that was killed stays in the graph for 20 s; its successor has the same name.
    """
    name = node.resolve_topic_name(topic)
    return sorted({f'{info.node_namespace.rstrip("/")}/{info.node_name}'
                   for info in node.get_publishers_info_by_topic(name)})


def mixing_fault(node: Node, topic: str, numbers: SequenceNumbers, now_s: float) -> str:
    """Describe that two publishers share a topic; empty: they do not."""
    names = publisher_names(node, topic)
    if len(names) > 1:
        return f'{topic} has {len(names)} publishers, stop all but one: {", ".join(names[:4])}'
    if numbers.are_mixed(now_s):
        return f'{topic} has two publishers with the name {names[0] if names else "?"}: stop one'
    return ''
