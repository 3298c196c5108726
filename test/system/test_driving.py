# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Both nodes on the road: what goes wrong reaches the alert in time, and is over when it is."""
import os
import re
import signal

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.nodes.messages import stamp_to_ns
import pytest
from ros_world import nominal_image, ood_image

pytestmark = pytest.mark.slow  # starts processes

STALE_AFTER_S = 0.5
UNDER_WAY_S = 1.  # scores of an older picture are not believed
SLACK_S = 0.45  # from judging to stamping what was judged


def now_s(world):
    return world.node.get_clock().now().nanoseconds / 1e9


def last_good_s(world, since_s):
    """Give how long after a moment an alert still was OK, by its own stamp."""
    good_s = [stamp_to_ns(message.header.stamp) / 1e9
              for message in world.received[topics.ALERT_TOPIC]
              if message.status[0].level[0] == AlertLevel.OK]
    return max(good_s) - since_s


def silence_said_s(world):
    """Give for how long the first alert that is STALE had heard nothing, in its own words."""
    said = [message.status[0].message for message in world.received[topics.ALERT_TOPIC]
            if message.status[0].level[0] == AlertLevel.STALE]
    found = [re.search(r'(?:no scores|silent) for ([0-9.]+) s', text) for text in said]
    return float(next(match for match in found if match)[1])


def levels(world):
    return [message.status[0].level[0] for message in world.received[topics.ALERT_TOPIC]]


def test_night_warns_then_alarms_and_the_street_clears_it(nominal):
    world = nominal
    world.until(lambda: world.alert[0] in (AlertLevel.WARN, AlertLevel.ERROR), 'a warning', make=ood_image)
    world.until(world.alert_is(AlertLevel.ERROR), 'an error', make=ood_image)
    values = {pair.key: pair.value for pair
              in world.received[topics.ALERT_TOPIC][-1].status[0].values}
    assert float(values['cusum']) > float(values['cusum_limit'])
    assert float(values['score_feature']) > float(values['threshold_feature'])
    world.until(world.alert_is(AlertLevel.OK), 'OK again', make=nominal_image)


def test_a_camera_that_dies_is_stale_within_the_time(nominal):
    world = nominal
    last_s = now_s(world)
    world.until(world.alert_is(AlertLevel.STALE, 'is the camera publishing?'), 'STALE')
    assert last_good_s(world, last_s) < UNDER_WAY_S + STALE_AFTER_S + SLACK_S
    assert STALE_AFTER_S <= silence_said_s(world) < STALE_AFTER_S + SLACK_S
    world.until(world.alert_is(AlertLevel.OK), 'OK when it is back', make=nominal_image)


def test_a_killed_perception_is_stale_within_the_time_and_ok_when_it_is_respawned(nominal, model):
    world = nominal
    killed_s = now_s(world)
    os.kill(world.perception_process._process.pid, signal.SIGKILL)
    world.until(world.alert_is(AlertLevel.STALE), 'STALE', make=nominal_image)
    assert last_good_s(world, killed_s) < UNDER_WAY_S + STALE_AFTER_S + SLACK_S
    assert STALE_AFTER_S <= silence_said_s(world) < STALE_AFTER_S + SLACK_S
    world.until(world.alert_is(AlertLevel.STALE, 'perception_node is silent'), 'why', make=nominal_image)
    world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.OK), 'OK again', make=nominal_image)


def test_a_bad_picture_is_an_error_with_its_reason_and_a_good_one_clears_it(nominal):
    world = nominal

    def torn(index):
        message = world.image(nominal_image(index))
        message.data = message.data[:100]
        return message

    world.until(world.alert_is(AlertLevel.ERROR, 'bytes of data, must be'), 'ERROR', make=torn)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)


def test_one_bad_picture_among_good_ones_is_not_lost(nominal):
    world = nominal
    world.received[topics.ALERT_TOPIC].clear()

    def mostly_good(index):
        message = world.image(nominal_image(index))
        message.encoding = 'rgb8' if index % 20 else 'rgb9'
        return message

    world.until(lambda: AlertLevel.ERROR in levels(world), 'ERROR', make=mostly_good)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
