# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Who publishes on a topic, and whether a message is new: mixed and replayed sources are found.

This finds mistakes and simple attacks. Only SROS 2 prevents the others.
"""
from collections import deque
import os
import re
from threading import Lock
from typing import Callable, Mapping, NamedTuple, TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.node import Node

MAX_STEPS_BACK = 3  # of the sequence number in WINDOW_S; each restart of a publisher makes one
WINDOW_S = 10.0
RANDOM_BYTES = 16  # of a session id or a challenge: two are never equal
RANDOM_PATTERN = re.compile(rf'[0-9a-f]{{{2 * RANDOM_BYTES}}}')
MAX_CHALLENGES = 16  # alert_nodes that one perception_node serves; with more, all are STALE
MAX_ENDED_SESSIONS = 4096  # about .5 MB; then a new challenge excludes them all
TAKEOVER_HEARTBEATS = 2.5  # without a message; then a new session of the node begins
MIN_TAKEOVER_S = .5
SHOWN_DIGITS = 8  # of a session id in a reason


class Origin(NamedTuple):
    """Which message of which run of a node it is."""

    session: str  # id of the run
    number: int  # of the message on its topic, from 1 on
    challenges: tuple[str, ...] = ()  # of the receivers; no older recording has them


def draw_random() -> str:
    """Draw a session id or a challenge, in hexadecimal digits."""
    return os.urandom(RANDOM_BYTES).hex()


class OutgoingSession:
    """One run of a node: its random id, and the challenges that its messages repeat."""

    def __init__(self) -> None:
        """Draw the id; no challenge was received."""
        self.identifier = draw_random()
        self.challenges: tuple[str, ...] = ()  # the newest last; threads read it

    def add_challenge(self, challenge: str) -> None:
        """Repeat a challenge from now on, and forget the oldest one; ignores other texts."""
        if RANDOM_PATTERN.fullmatch(challenge):
            others = tuple(one for one in self.challenges if one != challenge)
            self.challenges = (*others, challenge)[-MAX_CHALLENGES:]


class OutgoingSequence:
    """Numbers the messages of one topic in one run of a node; threads may share it."""

    def __init__(self, session: OutgoingSession) -> None:
        """Start at number 1; a session has one sequence for each topic."""
        self._session = session
        self._number = 0
        self._lock = Lock()

    def publish(self, publish: Callable[[Origin], None]) -> None:
        """Call publish with the next origin; threads do so one after the other, in order."""
        with self._lock:
            self._number += 1
            publish(Origin(
                self._session.identifier, self._number, self._session.challenges))


class IncomingSessions:
    """
    Accepts every message of a node at most once and in order, whatever is replayed.

    A message must repeat the challenge, a random number of the receiver, which no recording from
    before its start has. A session is one run of the node. A new one begins when the current one
    was silent for TAKEOVER_HEARTBEATS; the current one has then ended, and none of its messages is
    accepted again. After MAX_ENDED_SESSIONS the challenge is drawn anew: the ended sessions cannot
    have it, and need not be remembered. Gaps in the numbers are lost messages, which is no fault.
    Rejected messages change nothing but the reason, so that a replay can neither keep an old
    session alive nor end the current one.
    """

    def __init__(self, silence_s: float, hold_s: float) -> None:
        """Start without a session; the times are those of set_times."""
        self.challenge = draw_random()
        self.status_hz: float | None = None  # of the current session; None: not known
        self.set_times(silence_s, hold_s)
        self._current: str | None = None
        self._ended: set[str] = set()
        self._last_numbers: dict[str, int] = {}  # of the current session, by topic
        self._accepted_s = 0.
        self._rejected: tuple[float, str] | None = None

    def set_times(self, silence_s: float, hold_s: float) -> None:
        """
        Change the times from now on.

        silence_s: of a session that has ended, when its status_hz is not known or lower.
        hold_s: how long the reason of a rejection lasts.
        """
        self._silence_s, self._hold_s = silence_s, hold_s

    def check(self, now_s: float, topic: str, origin: Origin) -> str:
        """Accept a message (empty), or return why it is rejected; now_s: monotonic seconds."""
        reason = self._find_fault(now_s, topic, origin) or self._find_lack(topic, origin)
        if reason:
            self._rejected = now_s, reason
        else:
            self._accept(now_s, topic, origin)
        return reason

    def rejection(self, now_s: float) -> str:
        """Return why messages were rejected in the last hold_s; empty: none was."""
        if self._rejected is None or now_s - self._rejected[0] >= self._hold_s:
            return ''
        return self._rejected[1]

    def _end_current(self) -> None:
        self._ended |= {self._current} if self._current else set()
        if len(self._ended) >= MAX_ENDED_SESSIONS:
            self.challenge, self._ended = draw_random(), set()

    def _is_active(self, now_s: float) -> bool:
        return self._current is not None and now_s - self._accepted_s <= self._takeover_s()

    def _takeover_s(self) -> float:
        if not self.status_hz:
            return self._silence_s
        return max(MIN_TAKEOVER_S, min(self._silence_s, TAKEOVER_HEARTBEATS / self.status_hz))

    def _accept(self, now_s: float, topic: str, origin: Origin) -> None:
        if self._current != origin.session:
            self._end_current()
            self._current, self._last_numbers = origin.session, {}
            self._rejected = None  # the node did not know the challenge when it started
        self._last_numbers[topic] = origin.number
        self._accepted_s = now_s

    def _find_fault(self, now_s: float, topic: str, origin: Origin) -> str:
        if origin.session != self._current:
            return self._find_session_fault(now_s, topic, origin.session)
        last = self._last_numbers.get(topic, 0)
        if origin.number <= last:
            return (f'replayed {topic}: sequence number {origin.number} of session '
                    f'{_shown(origin.session)} was already received (the last is {last}): stop '
                    f'the replay')
        return ''

    def _find_lack(self, topic: str, origin: Origin) -> str:
        if self.challenge in origin.challenges:
            return ''
        return (f'{topic} of session {_shown(origin.session)} without the challenge of this '
                f'alert_node: perception_node is starting, does not receive the topic challenge, '
                f'serves more than {MAX_CHALLENGES} alert_nodes, or is replayed')

    def _find_session_fault(self, now_s: float, topic: str, session: str) -> str:
        if session in self._ended:
            return (f'replayed {topic}: session {_shown(session)} ended when another one began: '
                    f'stop the replay, or restart perception_node')
        if self._is_active(now_s):
            return (f'{topic} of session {_shown(session)} beside those of the active session '
                    f'{_shown(self._current or "")}: stop the replay or the second '
                    f'perception_node')
        return ''


def _shown(session: str) -> str:
    return session[:SHOWN_DIGITS]


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
        """Return whether the numbers went back more often than by restarts."""
        times = self._steps_back_s
        return len(times) > MAX_STEPS_BACK and now_s - times[0] <= WINDOW_S


def publisher_names(node: 'Node', topic: str) -> list[str]:
    """
    List the full names of the nodes that publish on a topic, each name once.

    A publisher that was killed stays in the graph for 20 s; its successor has the same name.
    """
    name = node.resolve_topic_name(topic)
    return sorted({f'{info.node_namespace.rstrip("/")}/{info.node_name}'
                   for info in node.get_publishers_info_by_topic(name)})


def mixing_fault(node: 'Node', topic: str, numbers: SequenceNumbers, now_s: float) -> str:
    """Describe that two publishers share a topic; empty: they do not."""
    names = publisher_names(node, topic)
    if len(names) > 1:
        return f'{topic} has {len(names)} publishers, stop all but one: {", ".join(names[:4])}'
    if numbers.are_mixed(now_s):
        return f'{topic} has two publishers with the name {names[0] if names else "?"}: stop one'
    return ''
