# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""camera_node plays recordings; governor_node limits and stops the commands."""
from itertools import pairwise
import time

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import alert_message
from bdl_perception.nodes.governor_node import command_publisher_qos
from bdl_perception.nodes.messages import stamp_to_ns
from bdl_perception.perception.image_decoding import rgb_from_compressed, rgb_from_image
import cv2
from diagnostic_msgs.msg import DiagnosticArray
from drive_files import set_durations, write_video
from geometry_msgs.msg import Twist, TwistStamped, Vector3
import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.parameter import Parameter
from ros_world import nominal_image, TIMEOUT_S
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

pytestmark = pytest.mark.slow  # starts processes
FRAMES = 8


@pytest.fixture
def drive(tmp_path):
    """Make a folder of eight images of one colour with increasing brightness."""
    folder = tmp_path / 'drive'
    folder.mkdir()
    for index in range(FRAMES):
        plain = np.full((24, 32, 3), (20 * index, 10 * index, 5 * index), np.uint8)
        cv2.imwrite(str(folder / f'{index:03}.png'), plain[..., ::-1])
    return folder


def play_once(world, drive, **parameters):
    """Play a drive to its end; returns the process and all images."""
    received, matches = [], []
    matched = SubscriptionEventCallbacks(matched=lambda event: matches.append(event.current_count))
    world.node.create_subscription(
        Image, 'image', received.append, publishers.scores_qos(), event_callbacks=matched)
    camera = world.start('camera_node', path=drive, wait_for_subscribers=2, **parameters)
    world.until(lambda: 2 in matches, 'the discovery of camera_node beside world')
    # Discovery is not symmetric: camera_node may count a subscriber that has not discovered it.
    # It waits for two, and the second one is created after the first one has discovered it.
    world.node.create_subscription(Image, 'image', lambda message: None, publishers.camera_qos())
    world.until(lambda: camera.poll() is not None, 'the end')
    world.until(lambda: len(received) >= FRAMES, 'all images')
    return camera, received


def test_a_drive_is_played_once_in_order(world, drive):
    camera, received = play_once(world, drive, rate_hz=40.0, start_delay_s=0.2, frame_id='front')
    assert camera.poll() == 0
    reds = [int(rgb_from_image(message)[0, 0, 0]) for message in received]
    assert reds == list(range(0, 160, 20))
    assert {message.header.frame_id for message in received} == {'front'}
    stamps = [stamp_to_ns(message.header.stamp) for message in received]
    assert (np.diff(stamps) > 0).all()


def test_a_drive_is_not_played_faster_than_its_rate(world, drive):
    _, received = play_once(world, drive, rate_hz=4.0)
    first, *_, last = (stamp_to_ns(message.header.stamp) for message in received)
    # a loaded machine takes longer; .7 s, for the 10 Hz of the folder itself, would be too short
    assert (last - first) / 1e9 >= .6 * 7 / 4


def test_a_video_of_variable_rate_is_played_at_the_times_of_its_frames(world, tmp_path):
    ticks = [128] * 3 + [25600] + [128] * 4  # of 1/12800 s: once 2 s
    video = set_durations(write_video(tmp_path / 'a.mp4', FRAMES, rate_hz=2.5), ticks)
    _, received = play_once(world, video)
    gaps_s = np.diff([stamp_to_ns(message.header.stamp) / 1e9 for message in received])
    assert gaps_s[3] >= 1  # less if frame 3 was late; a constant rate would make it .26


def test_compressed_images_are_played_in_a_loop(world, drive):
    received = []
    world.node.create_subscription(  # a deep queue: this process may be late
        CompressedImage, 'front/image/compressed', received.append, publishers.scores_qos())
    camera = world.start('camera_node', path=drive, rate_hz=60.0, loop=True, jpeg_quality=95,
                         image_topic='front/image', image_transport='compressed')

    def starts_again():
        reds = [int(rgb_from_compressed(message)[4, 4, 0]) for message in received]
        return any(last >= 130 and first < 30 for last, first in pairwise(reds))

    world.until(starts_again, 'the first image after the last one')
    assert camera.stop(TIMEOUT_S) == 0


def test_perception_accepts_compressed_images(world, drive, model):
    world.listen(topics.DEPTH)
    world.perception(model, autostart=True, image_transport='compressed')
    world.start('camera_node', path=drive, rate_hz=30.0, loop=True, image_transport='compressed')
    world.until(lambda: len(world.received[topics.DEPTH]) > 3, 'depths')


@pytest.mark.parametrize('remaps, topic', [
    ({'image': '/cam/image_raw'}, '/cam/image_raw/compressed'),
    ({'image/compressed': '/cam/jpegs'}, '/cam/jpegs')])
def test_the_compressed_topic_follows_the_remapped_image_topic(world, model, remaps, topic):
    camera = world.node.create_publisher(CompressedImage, topic, publishers.image_qos())
    world.perception(model, remaps, autostart=True, image_transport='compressed')
    world.until(lambda: camera.get_subscription_count() == 1, f'a subscription of {topic}')


@pytest.mark.parametrize('node, parameters, message_part', [
    ('camera_node', {'path': '/not/there'}, '/not/there'),
    ('camera_node', {}, 'parameter path is empty'),
    ('camera_node', {'path': '.', 'rate_hz': -1.0}, 'rate_hz is -1.0, must lie in 0 to 1000 Hz'),
    ('perception_node', {'samples': 1}, 'samples is 1, must lie in 2 to 256'),
    ('perception_node', {'status_hz': float('nan')}, 'status_hz is nan'),
    ('perception_node', {'image_transport': 'h264'}, "image_transport is 'h264', must be 'raw'"),
    ('alert_node', {'stale_after_s': 'soon'}, "stale_after_s is 'soon', must be a float"),
    ('governor_node', {'crawl_linear_m_s': 3.0}, 'the crawl 3.0 is faster than 2.0')])
def test_invalid_parameters_end_with_one_line_and_exit_code_2(
        world, node, parameters, message_part):
    process = world.start(node, **parameters)
    world.until(lambda: process.poll() is not None, 'the end')
    assert process.poll() == 2
    fatal, = process.log_tail(50).splitlines()
    assert message_part in fatal and f'{node} does not start' in fatal


def test_an_integer_is_accepted_for_a_float_parameter(world):
    world.start('alert_node', heartbeat_hz=20, calibration='none')
    world.listen(topics.ALERT_TOPIC)
    world.until(lambda: world.received[topics.ALERT_TOPIC], 'an alert')


class Robot:
    """Publishes alerts and commands to a governor_node and subscribes to its commands."""

    def __init__(self, world, stamped=False):
        self._world = world
        self.governor = world.start(
            'governor_node', rate_hz=50.0, max_alert_age_s=0.3, max_command_age_s=0.3,
            warn_linear_m_s=1.0, recover_after_s=0.2, stamped=stamped)
        self._twist_type = TwistStamped if stamped else Twist
        self._alert_publisher = world.node.create_publisher(
            DiagnosticArray, topics.ALERT_TOPIC.name, publishers.alert_publisher_qos(2.0))
        self._command_publisher = world.node.create_publisher(
            self._twist_type, 'cmd_vel', publishers.command_qos())
        self.speed, self.steps, self.frame_id = None, [], ''
        profile = command_publisher_qos(50.0)  # requests the deadline and the liveliness
        profile.depth = 50  # this process may be late, and a lost command would be a large step
        world.node.create_subscription(
            self._twist_type, topics.CMD_VEL_OUT.name, self._on_command, profile)

    def _on_command(self, message):
        if isinstance(message, TwistStamped):
            self.frame_id, message = message.header.frame_id, message.twist
        self.steps.append((self.speed or 0.0) - message.linear.x)
        self.speed = message.linear.x

    def check_speed(self, speed, what, level=None, command=None, stamp_age_s=0.0, log=''):
        """Publish level and command until the speed is this one, and the log has a text."""
        def publish(index):
            if level is not None:
                stamp_ns = time.time_ns() - round(stamp_age_s * 1e9)
                self._alert_publisher.publish(
                    alert_message({'camera': AlertState(level, ())}, stamp_ns))
            if command is not None:
                twist = Twist(linear=Vector3(x=command))
                self._command_publisher.publish(twist if self._twist_type == Twist else
                                                TwistStamped(header=Header(frame_id='base'),
                                                             twist=twist))
            return nominal_image(0, 2, 2)  # until() publishes an image; it is not used

        self._world.until(lambda: self.speed == pytest.approx(speed)
                          and log in self.governor.log_tail(50), what, make=publish)


def test_the_governor_limits_by_level_and_stops_without_input(world):
    robot = Robot(world)
    robot.check_speed(0.0, 'stop without any message')
    robot.check_speed(3.0, 'OK is not limited', AlertLevel.OK, 3.0)
    robot.check_speed(1.0, 'WARN limits', AlertLevel.WARN, 3.0)
    robot.check_speed(0.0, 'ERROR stops', AlertLevel.ERROR, 3.0)
    robot.check_speed(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.check_speed(0.0, 'STALE stops', AlertLevel.STALE, 3.0)
    robot.check_speed(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.check_speed(0.0, 'a missing alert stops', None, 3.0)
    robot.check_speed(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.check_speed(0.0, 'missing commands stop', AlertLevel.OK, None)
    robot.check_speed(3.0, 'OK again', AlertLevel.OK, 3.0)
    robot.check_speed(0.0, 'a NaN command stops', AlertLevel.OK, float('nan'))
    for age_s in (3600.0, -10.0):
        robot.check_speed(3.0, 'OK again', AlertLevel.OK, 3.0)
        robot.check_speed(0.0, f'a stamp {age_s} s ago stops', AlertLevel.OK, 3.0, age_s)
    assert 0 < max(robot.steps) <= 5 * 2 / 50 * 1.01, 'at most two periods of deceleration'


def set_parameter(world, node, name, value):
    """Set a parameter like `ros2 param set`; returns why it was refused."""
    client = world.node.create_client(SetParameters, f'{node}/set_parameters')
    world.until(client.service_is_ready, 'the service of the parameters')
    message = Parameter(name, value=value).to_parameter_msg()
    response = client.call_async(SetParameters.Request(parameters=[message]))
    world.until(response.done, 'the answer')
    [result] = response.result().results
    return '' if result.successful else result.reason


def test_a_limit_is_changed_while_the_robot_drives(world):
    robot = Robot(world)
    robot.check_speed(1.0, 'WARN limits', AlertLevel.WARN, 3.0)
    assert set_parameter(world, 'governor_node', 'warn_linear_m_s', 0.5) == ''
    robot.check_speed(0.5, 'the new limit', AlertLevel.WARN, 3.0)
    assert 'faster than 0.5' in set_parameter(world, 'governor_node', 'crawl_linear_m_s', 0.6)
    assert set_parameter(world, 'governor_node', 'rate_hz', 50.0) == '', 'it is unchanged'
    assert 'read-only' in set_parameter(world, 'governor_node', 'rate_hz', 20.0)
    assert 'warn_linear_m_s changes from 1.0 to 0.5' in robot.governor.log_tail(50)


def test_the_times_of_the_alert_are_changed_while_it_runs(world):
    alert = world.start('alert_node', calibration='none')
    assert set_parameter(world, 'alert_node', 'hold_s', 7.0) == ''
    assert 'hold_s changes from 2.0 to 7.0' in alert.log_tail(50)
    assert 'read-only' in set_parameter(world, 'alert_node', 'warning_level', 'ok')


def test_stamped_commands_are_governed(world):
    robot = Robot(world, stamped=True)
    robot.check_speed(3.0, 'OK is not limited', AlertLevel.OK, 3.0)
    assert robot.frame_id == 'base'
    robot.check_speed(0.0, 'ERROR stops', AlertLevel.ERROR, 3.0)


def test_commands_of_another_type_are_reported(world):
    governor = world.start('governor_node')
    world.node.create_publisher(TwistStamped, 'cmd_vel', 1)
    world.until(lambda: 'set stamped to true' in governor.log_tail(50), 'a warning')


def test_an_alert_that_comes_too_rarely_for_the_governor_is_reported(world):
    governor = world.start('governor_node')
    world.node.create_publisher(
        DiagnosticArray, topics.ALERT_TOPIC.name, publishers.alert_publisher_qos(2.0))
    world.until(lambda: 'max_alert_age_s of governor_node is 0.5 s, but the alert comes every 0.5'
                in governor.log_tail(50), 'a warning')


@pytest.mark.parametrize('name', ['impostor', None])
def test_a_second_publisher_of_the_alert_stops_the_robot(world, name):
    robot = Robot(world)
    robot.check_speed(3.0, 'OK is not limited', AlertLevel.OK, 3.0)
    node = Node(name or world.node.get_name(), context=world.node.context)
    impostor = node.create_publisher(
        DiagnosticArray, topics.ALERT_TOPIC.name, publishers.alert_publisher_qos(2.0))
    timer = node.create_timer(0.05, lambda: impostor.publish(
        alert_message({'camera': AlertState(AlertLevel.OK, ())}, time.time_ns())))
    world._executor.add_node(node)
    robot.check_speed(0.0, 'two publishers stop', AlertLevel.OK, 3.0, log='publishers')
    timer.cancel()
    world._executor.remove_node(node)
    node.destroy_node()
