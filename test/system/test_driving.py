# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Faults of a running system reach the alert in time, and the alert clears after them."""
from itertools import pairwise
import os
import re
import signal

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.nodes.messages import stamp_to_ns
import pytest
from ros_world import nominal_image, ood_image

pytestmark = pytest.mark.slow  # starts processes

MIN_STALE_AFTER_S, STALE_AFTER_S = 0.15, 0.5  # the measured frame period lies between
MAX_FRAME_AGE_S = 1.  # scores of older frames are ignored
SLACK_S = 0.45  # between the computation of a state and its stamp
MAX_SLACK_S = 5.  # the same on a machine that is late


def now_s(world):
    return world.node.get_clock().now().nanoseconds / 1e9


def last_ok_s(world, since_s):
    """Return the stamp of the last OK alert, in s after since_s."""
    ok_s = [stamp_s(message) for message in world.received[topics.ALERT_TOPIC]
            if message.status[0].level[0] == AlertLevel.OK]
    return max(ok_s, default=since_s) - since_s


def stamp_s(message):
    return stamp_to_ns(message.header.stamp) / 1e9


def slack_s(world, since_s):
    """Return SLACK_S, or the longest time up to MAX_SLACK_S without an alert: a late machine."""
    stamps_s = (since_s, *map(stamp_s, world.received[topics.ALERT_TOPIC]))
    longest_s = max(after_s - before_s for before_s, after_s in pairwise(stamps_s))
    return min(MAX_SLACK_S, max(SLACK_S, longest_s))


def reported_silence_s(world):
    """Read the time without messages from the reasons of the first STALE alert."""
    texts = [message.status[0].message for message in world.received[topics.ALERT_TOPIC]
             if message.status[0].level[0] == AlertLevel.STALE]
    found = [re.search(r'(?:no scores|silent) for ([0-9.]+) s', text) for text in texts]
    return float(next(match for match in found if match)[1])


def levels(world):
    return [message.status[0].level[0] for message in world.received[topics.ALERT_TOPIC]]


def test_ood_images_raise_warn_then_error_and_nominal_ones_clear_it(nominal):
    world = nominal
    world.until(lambda: world.alert[0] in (AlertLevel.WARN, AlertLevel.ERROR), 'a warning',
                make=ood_image)
    world.until(world.alert_is(AlertLevel.ERROR), 'an error', make=ood_image)
    values = {pair.key: pair.value for pair
              in world.received[topics.ALERT_TOPIC][-1].status[0].values}
    assert float(values['cusum']) > float(values['cusum_limit'])
    assert float(values['score_feature']) > float(values['threshold_feature'])
    world.until(world.alert_is(AlertLevel.OK), 'OK again', make=nominal_image)


def test_a_camera_that_stops_is_stale_in_time(nominal):
    world = nominal
    world.received[topics.ALERT_TOPIC].clear()
    last_s = now_s(world)
    world.until(world.alert_is(AlertLevel.STALE, 'no scores for'), 'STALE')
    most_s = STALE_AFTER_S + slack_s(world, last_s)
    assert last_ok_s(world, last_s) < MAX_FRAME_AGE_S + most_s
    assert MIN_STALE_AFTER_S <= reported_silence_s(world) < most_s
    world.until(world.alert_is(AlertLevel.OK), 'OK when it is back', make=nominal_image)


def test_a_killed_perception_node_is_stale_in_time_and_ok_when_restarted(nominal, model):
    world = nominal
    world.received[topics.ALERT_TOPIC].clear()
    killed_s = now_s(world)
    os.kill(world.perception_process._process.pid, signal.SIGKILL)
    world.until(world.alert_is(AlertLevel.STALE, 'perception_node is silent'), 'the reason',
                make=nominal_image)
    most_s = STALE_AFTER_S + slack_s(world, killed_s)
    assert last_ok_s(world, killed_s) < MAX_FRAME_AGE_S + most_s
    assert MIN_STALE_AFTER_S <= reported_silence_s(world) < most_s
    world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.OK), 'OK again', make=nominal_image)


def test_invalid_images_are_named_and_not_ok_until_a_valid_one(nominal):
    world = nominal

    world.received[topics.ALERT_TOPIC].clear()
    first_s = now_s(world)

    def truncated(index):
        message = world.image(nominal_image(index))
        message.data = message.data[:100]
        return message

    def is_reported():  # as ERROR or, as there are no scores any more, as STALE
        return any('bytes of data, must be' in message.status[0].message
                   for message in world.received[topics.ALERT_TOPIC])

    world.until(is_reported, 'the reason', make=truncated)
    world.until(world.alert_is(AlertLevel.STALE), 'STALE', make=truncated)
    assert last_ok_s(world, first_s) < MAX_FRAME_AGE_S + STALE_AFTER_S + slack_s(world, first_s)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)


def test_one_invalid_image_among_valid_ones_is_reported(nominal):
    world = nominal
    world.received[topics.ALERT_TOPIC].clear()

    def mostly_valid(index):
        message = world.image(nominal_image(index))
        message.encoding = 'rgb8' if index % 20 else 'rgb9'
        return message

    world.until(lambda: AlertLevel.ERROR in levels(world), 'ERROR', make=mostly_valid)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
