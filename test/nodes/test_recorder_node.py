# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""No message ends recorder_node; its record is tested with the demo."""
from functools import partial
from types import SimpleNamespace

from bdl_perception import topics
from bdl_perception.drives.topic_recording import MapThinning, TopicRecorder
from bdl_perception.nodes.diagnostics import scores_message
from bdl_perception.nodes.messages import make_header, uint8_image
from bdl_perception.nodes.recorder_node import _float_map, RecorderNode, RELIABLE_QOS
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.image_decoding import rgb_from_image
from diagnostic_msgs.msg import DiagnosticArray
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image


@pytest.fixture
def recorder():
    written, logged = [], []
    writer = SimpleNamespace(write_event=lambda event, **values: written.append(event),
                             write_panel=lambda panel, *values: written.append(f'{panel} drawn'))
    clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=10**9))
    return SimpleNamespace(_writer=writer, _fault_log=SimpleNamespace(report=logged.append),
                           _last_drawn_ns={}, _last_level=None, get_clock=lambda: clock,
                           written=written, logged=logged)


@pytest.mark.parametrize(('method', 'message'), [
    ('_on_scores', DiagnosticArray()), ('_on_status', DiagnosticArray()),
    ('_on_alert', DiagnosticArray()), ('_on_status', scores_message(Scores(1, 'f')))])
def test_a_message_that_cannot_be_read_is_logged(recorder, method, message):
    callback = partial(getattr(RecorderNode, method), recorder)
    RecorderNode._tolerant(recorder, callback)(message)
    assert not recorder.written
    assert 'a message was not recorded: ' in recorder.logged[0]


@pytest.mark.parametrize(('draw', 'image'), [
    (rgb_from_image, Image()), (rgb_from_image, Image(height=9, width=9, encoding='nonsense')),
    (_float_map, Image(height=2, width=2, data=b'abc')), (lambda image: np.zeros((0, 0, 3)),
                                                          Image())])
def test_an_image_that_cannot_be_drawn_is_logged_and_the_next_one_is_drawn(recorder, draw, image):
    stamp = make_header(10**9, 'camera')
    image.header = stamp

    def callback(message, draw=draw):
        RecorderNode._on_image(recorder, 'depth', message, draw)

    RecorderNode._tolerant(recorder, callback)(image)
    assert len(recorder.logged) == 1 and 'depth drawn' not in recorder.written
    good = uint8_image(np.zeros((4, 4, 3), np.uint8), make_header(2 * 10**9, 'camera'))
    callback(good, rgb_from_image)
    assert recorder.written[-1] == 'depth drawn'


def test_a_message_is_recorded_as_it_was_received(recorder, tmp_path):
    subscribed, observed = {}, []
    recorder.create_subscription = lambda kind, name, callback, qos, **options: (
        subscribed.update({name: (callback, options)}))
    recorder._bag, recorder._now_ns = TopicRecorder(tmp_path / 'bag'), lambda: 10**18
    recorder._tolerant = partial(RecorderNode._tolerant, recorder)
    RecorderNode._subscribe_serialized(recorder, 'scores', topics.DIAGNOSTICS_TYPE, RELIABLE_QOS,
                                       MapThinning(0), observed.append)
    callback, options = subscribed['scores']
    sent = scores_message(Scores(5, 'optical', {'entropy': .25}))
    callback(serialize_message(sent))
    recorder._bag.close()
    assert (options, observed, recorder.logged) == ({'raw': True}, [sent], [])
    with (tmp_path / 'bag' / 'bag.mcap').open('rb') as stream:
        [(_, channel, message, decoded)] = make_reader(
            stream, decoder_factories=[DecoderFactory()]).iter_decoded_messages()
    assert (channel.topic, message.log_time) == ('/scores', 10**18)
    assert decoded.header.stamp.nanosec == 5 and decoded.header.frame_id == 'optical'
    assert [pair.value for pair in decoded.status[0].values if pair.key == 'entropy'] == ['0.25']
