# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Messages of other nodes: each is what its name promises."""
import time

from bdl_perception.faults.intruder import (
    ALERTS,
    diagnostics,
    ok_alert,
    PUBLICATIONS,
    replayed,
)
from bdl_perception.nodes.diagnostics import (
    deserialize_diagnostics,
    level_from_message,
    origin_from_message,
    scores_from_message,
    status_from_message,
)
from bdl_perception.nodes.messages import make_header, stamp_to_ns
import pytest
from rclpy.serialization import serialize_message

DAMAGED = sorted(name for name in PUBLICATIONS if not name.startswith('second_'))


def read(publication):
    """Read a message as alert_node does."""
    message = publication.make(0)
    data = message if isinstance(message, bytes) else bytes(serialize_message(message))
    reader = status_from_message if publication.topic == 'status' else scores_from_message
    return reader(deserialize_diagnostics(data))


@pytest.mark.parametrize('name', DAMAGED)
def test_a_damaged_message_cannot_be_read(name):
    with pytest.raises(ValueError):
        read(PUBLICATIONS[name]())


@pytest.mark.parametrize('name', ['second_status', 'second_scores'])
def test_a_forged_message_can_be_read_and_is_of_its_own_session(name):
    publications = [PUBLICATIONS[name]() for _ in range(2)]
    assert read(publications[0]) is not None
    origins = [origin_from_message(publication.make(0)) for publication in publications]
    assert origins[0].session != origins[1].session
    assert origin_from_message(publications[0].make(4)).number == 5


def test_a_replay_has_the_recorded_content_with_present_stamps():
    old_ns = 5 * 10**9
    recorded = [diagnostics((('cycle', str(index)),)) for index in range(3)]
    for index, message in enumerate(recorded):
        message.header = make_header(old_ns + index * 10**8, 'camera')
    make, before_ns = replayed(recorded), time.time_ns()
    sent = [make(index) for index in range(4)]
    after_ns = time.time_ns()
    assert [message.status for message in sent] == [
        recorded[index].status for index in (0, 1, 2, 0)]
    ages = [stamp_to_ns(message.header.stamp) - index * 10**8
            for index, message in enumerate(sent[:3])]
    assert all(before_ns <= age <= after_ns for age in ages)


def test_an_alert_of_the_rig_is_ok_and_the_others_are_not_to_be_trusted():
    assert level_from_message(ok_alert(0)) == 0
    for name in ('alert_level_7', 'alert_level_255', 'alert_empty'):
        with pytest.raises(ValueError):
            level_from_message(ALERTS[name](0))
    assert ALERTS['alert_silent'](0) is None


@pytest.mark.parametrize(('name', 'shift_s'), [
    ('alert_10_s_old', -10), ('alert_1_h_old', -3600), ('alert_10_s_ahead', 10)])
def test_a_shifted_alert_is_ok_with_its_stamp(name, shift_s):
    before_ns = time.time_ns()
    message = ALERTS[name](0)
    since_ns = stamp_to_ns(message.header.stamp) - shift_s * 10**9
    assert before_ns <= since_ns <= time.time_ns() and level_from_message(message) == 0
