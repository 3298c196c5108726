# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""camera_node plays what it is told to; governor_node stops when anything falls silent."""
from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import alert_message
from bdl_perception.nodes.image_decoding import rgb_from_compressed, rgb_from_image
from bdl_perception.nodes.messages import stamp_to_ns
import cv2
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist
import numpy as np
import pytest
from rclpy.event_handler import SubscriptionEventCallbacks
from ros_world import nominal_image
from sensor_msgs.msg import CompressedImage, Image

pytestmark = pytest.mark.slow  # starts processes
PICTURES = 8


@pytest.fixture
def drive(tmp_path):
    """Make a folder of eight plain pictures, each a bit brighter than the one before."""
    folder = tmp_path / 'drive'
    folder.mkdir()
    for index in range(PICTURES):
        plain = np.full((24, 32, 3), (20 * index, 10 * index, 5 * index), np.uint8)
        cv2.imwrite(str(folder / f'{index:03}.png'), plain[..., ::-1])
    return folder


def play_once(world, drive, **parameters):
    """Play a drive to its end; gives the node and every picture, however late it is taken."""
    heard, met = [], []
    matched = SubscriptionEventCallbacks(matched=lambda event: met.append(event.current_count))
    world.node.create_subscription(
        Image, 'image', heard.append, publishers.scores_qos(), event_callbacks=matched)
    camera = world.start('camera_node', path=drive, wait_for_subscribers=2, **parameters)
    world.until(lambda: 2 in met, 'the camera is known, beside the one of this world')
    # A node may know of a reader that does not know of the node, and hears nothing: so the node
    # waits for a second one, which is not there before the first one knows.
    world.node.create_subscription(Image, 'image', lambda message: None, publishers.camera_qos())
    world.until(lambda: camera.poll() is not None, 'the end')
    world.until(lambda: len(heard) >= PICTURES, 'every picture')
    return camera, heard


def test_a_drive_is_played_once_in_order_and_the_node_ends_with_zero(world, drive):
    camera, heard = play_once(world, drive, rate_hz=40.0, start_delay_s=0.2, frame_id='front')
    assert camera.poll() == 0
    assert [int(rgb_from_image(message)[0, 0, 0]) for message in heard] == list(range(0, 160, 20))
    assert {message.header.frame_id for message in heard} == {'front'}
    stamps = [stamp_to_ns(message.header.stamp) for message in heard]
    assert (np.diff(stamps) > 0).all()


def test_a_drive_is_played_no_faster_than_its_rate(world, drive):
    _, heard = play_once(world, drive, rate_hz=4.0)
    first, *_, last = (stamp_to_ns(message.header.stamp) for message in heard)
    # a machine that stalls lengthens this; the .7 s at the folder's own 10 Hz would be too short
    assert (last - first) / 1e9 >= .6 * 7 / 4


def test_compressed_pictures_come_round_and_round_on_their_own_topic(world, drive):
    heard = []
    world.node.create_subscription(  # as deep as that of scores: this process may be late
        CompressedImage, 'front/image/compressed', heard.append, publishers.scores_qos())
    camera = world.start('camera_node', path=drive, rate_hz=60.0, loop=True, jpeg_quality=95,
                         image_topic='front/image', image_transport='compressed')
    world.until(lambda: len(heard) > 12, 'more than one round')
    reds = [int(rgb_from_compressed(message)[4, 4, 0]) // 10 * 10 for message in heard]
    assert max(reds) >= 130 and reds.index(max(reds)) < len(reds) - 1, 'it did not start again'
    assert camera.stop() == 0


def test_perception_takes_compressed_pictures(world, drive, model):
    world.listen(topics.DEPTH)
    world.perception(model, autostart=True, image_transport='compressed')
    world.start('camera_node', path=drive, rate_hz=30.0, loop=True, image_transport='compressed')
    world.until(lambda: len(world.received[topics.DEPTH]) > 3, 'depths')


@pytest.mark.parametrize('node, parameters, said', [
    ('camera_node', {'path': '/not/there'}, '/not/there'),
    ('camera_node', {}, 'parameter path is empty'),
    ('camera_node', {'path': '.', 'rate_hz': -1.0}, 'rate_hz is -1.0, must lie in 0 to 1000 Hz'),
    ('perception_node', {'samples': 1}, 'samples is 1, must lie in 2 to 256'),
    ('perception_node', {'status_hz': '.nan'}, 'status_hz is nan'),
    ('perception_node', {'image_transport': 'h264'}, "image_transport is 'h264', must be 'raw'"),
    ('alert_node', {'stale_after_s': 'soon'}, "stale_after_s is 'soon', must be a float"),
    ('governor_node', {'crawl_linear_m_s': 3.0}, 'the crawl 3.0 is faster than 2.0')])
def test_what_cannot_be_refuses_to_start_with_one_line_and_exit_code_2(
        world, node, parameters, said):
    process = world.start(node, **parameters)
    world.until(lambda: process.poll() is not None, 'the end')
    assert process.poll() == 2
    fatal, = process.log_tail(50).splitlines()
    assert said in fatal and f'{node} does not start' in fatal


def test_a_whole_number_is_a_good_float(world):
    world.start('alert_node', heartbeat_hz=20, calibration='none')
    world.listen(topics.ALERT_TOPIC)
    world.until(lambda: world.received[topics.ALERT_TOPIC], 'an alert')


class Robot:
    """Says alerts and commands to a governor_node, and hears what it may drive."""

    def __init__(self, world):
        self._world = world
        world.start('governor_node', rate_hz=50.0, max_alert_age_s=0.3, max_command_age_s=0.3,
                    warn_linear_m_s=1.0)
        self._alert = world.node.create_publisher(
            DiagnosticArray, topics.ALERT_TOPIC.name, publishers.alert_publisher_qos(2.0))
        self._last_command = world.node.create_publisher(Twist, 'cmd_vel', publishers.command_qos())
        self.speed = None
        world.node.create_subscription(
            Twist, topics.CMD_VEL_OUT.name, self._hear, publishers.command_qos())

    def _hear(self, message):
        self.speed = message.linear.x

    def drives(self, speed, what, level=None, command=None):
        """Say level and command again and again until the robot drives at this speed."""
        def said(index):
            if level is not None:
                self._alert.publish(alert_message({'camera': AlertState(level, ())}, 0))
            if command is not None:
                message = Twist()
                message.linear.x = command
                self._last_command.publish(message)
            return nominal_image(0, 2, 2)  # until() plays a camera; nobody looks

        self._world.until(lambda: self.speed == pytest.approx(speed), what, make=said)


def test_the_governor_caps_by_level_and_stops_in_any_silence(world):
    robot = Robot(world)
    robot.drives(0.0, 'nothing was said, so it stands')
    robot.drives(3.0, 'OK is not limited', AlertLevel.OK, 3.0)
    robot.drives(1.0, 'WARN is capped', AlertLevel.WARN, 3.0)
    robot.drives(0.0, 'ERROR stops', AlertLevel.ERROR, 3.0)
    robot.drives(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.drives(0.0, 'STALE stops', AlertLevel.STALE, 3.0)
    robot.drives(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.drives(0.0, 'a silent alert stops', None, 3.0)
    robot.drives(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.drives(0.0, 'silent commands stop', AlertLevel.OK, None)
    robot.drives(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.drives(0.0, 'a command that is no number stops', AlertLevel.OK, float('nan'))
