# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""alert_node learns a calibration from messages, arms itself, and is armed after a restart."""
import re
import time

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.model_store import load_calibration
from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import OutgoingSequence, OutgoingSession
from bdl_perception.nodes.diagnostics import scores_message, status_message
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from score_recordings import frame_and_cycle, random_values
from std_msgs.msg import String

pytestmark = pytest.mark.slow  # starts processes

MINUTES, STEP_NS = 2., 100_000_000  # about 1200 frames; 999 are needed at the default settings
QUICK = {'hold_s': .2, 'clear_s': .1, 'recovery_s': .2}


class Perception:
    """Publishes status and scores like perception_node, as fast or as slowly as the test asks."""

    def __init__(self, node):
        """Answer the challenges of alert_node."""
        self._session, self._rng, self._cycle = OutgoingSession(), np.random.default_rng(0), 0
        self._publishers = {
            topic: (node.create_publisher(DiagnosticArray, topic.name, profile),
                    OutgoingSequence(self._session))
            for topic, profile in ((topics.SCORES, publishers.scores_qos()),
                                   (topics.STATUS, publishers.status_qos()))}
        node.create_subscription(
            String, topics.CHALLENGE.name,
            lambda message: self._session.add_challenge(message.data), publishers.latched_qos())

    def frame(self, stamp_ns):
        """Publish a status, and the scores of a frame and of its cycle."""
        self._cycle += 1
        status = PerceptionStatus('active', identity=IDENTITY)
        self._publish(topics.STATUS, lambda origin: status_message(status, stamp_ns, 'x', origin))
        for scores in frame_and_cycle(stamp_ns, random_values(self._rng), self._cycle):
            self._publish(topics.SCORES, lambda origin, one=scores: scores_message(one, origin))

    def _publish(self, topic, make):
        publisher, sequence = self._publishers[topic]
        sequence.publish(lambda origin: publisher.publish(make(origin)))


def drive(world, perception, condition, expected, period_s, now=None):
    """Publish frames until a condition is true; their stamps are .1 s apart, or the time."""
    end_s, count = time.monotonic() + 300, 0

    def publish():
        nonlocal count
        count += 1
        assert time.monotonic() < end_s, f'{expected}: the alert is {world.alert}'
        perception.frame(count * STEP_NS if now is None else now())
        wait_s = time.monotonic() + period_s
        world.until(lambda: time.monotonic() >= wait_s, 'the next frame')
    while not condition():
        publish()


@pytest.mark.timeout(900)  # 30 s without other load
def test_it_learns_arms_itself_and_is_armed_after_a_restart(world, tmp_path):
    path = tmp_path / 'my_camera.json'
    world.listen(topics.ALERT_TOPIC, topics.DIAGNOSTICS_TOPIC)
    first = world.start('alert_node', learn=path, learn_minutes=MINUTES, **QUICK)
    perception = Perception(world.node)
    progress = re.compile(rf'learning {re.escape(str(path))}: [01]\.[1-9] of 2 minutes')
    drive(world, perception, lambda: all(any(
        message.status[0].level[0] == AlertLevel.STALE
        and progress.search(message.status[0].message) for message in world.received[topic])
        for topic in (topics.ALERT_TOPIC, topics.DIAGNOSTICS_TOPIC)), 'progress', .01)
    drive(world, perception, path.exists, 'the calibration', .01)
    assert AlertLevel.OK not in {message.status[0].level[0]
                                 for message in world.received[topics.ALERT_TOPIC]}
    learned = load_calibration(path)
    assert learned.provenance.identity == IDENTITY and len(learned.provenance.drives) >= 20

    def now():
        return world.node.get_clock().now().nanoseconds

    drive(world, perception, world.alert_is(AlertLevel.OK), 'OK', .08, now)
    first.stop()
    before = path.read_bytes()
    world.unsubscribe()
    world.listen(topics.ALERT_TOPIC)
    world.start('alert_node', learn=path, learn_minutes=MINUTES, **QUICK)
    drive(world, perception, world.alert_is(AlertLevel.OK), 'OK after a restart', .08, now)
    assert path.read_bytes() == before
