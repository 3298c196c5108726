# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A recording of topics is read back by the reader of the MCAP project, which is not rosbags."""
from bdl_perception.drives import open_drive
from bdl_perception.drives.bag_writer import header_message, image_message
from bdl_perception.drives.topic_recording import (
    header_stamp_ns,
    join_bags,
    MapThinning,
    TopicRecorder,
)
from bdl_perception.perception.data_types import PinholeCamera
from bdl_perception.perception.diagnostic import Diagnostic
from bdl_perception.perception.panels import encode_jpeg
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
import numpy as np
import pytest
from rosbags.typesys import get_typestore, Stores

STAMP_NS = 1_700_000_000_123_456_789
DEPTH = np.array([[1.5, np.nan, np.inf], [2.5, 3.5, 4.5]], np.float32)
CAMERA = PinholeCamera(3, 2, 60., 61., 1., .5)


def read(folder):
    """Return topic, time and message of everything in a recording."""
    with next(folder.glob('*.mcap')).open('rb') as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        return [(channel.topic, schema.name, message.log_time, decoded)
                for schema, channel, message, decoded in reader.iter_decoded_messages()]


def write(folder, stamp_ns=STAMP_NS):
    with TopicRecorder(folder) as recorder:
        recorder.write_map('depth/image', stamp_ns, 'optical', DEPTH)
        recorder.write_map('segmentation/classes', stamp_ns, 'optical',
                           np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
        recorder.write_map('segmentation/overlay', stamp_ns, 'optical',
                           np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
        recorder.write_jpeg('image/compressed', stamp_ns, 'optical',
                            encode_jpeg(np.full((16, 16, 3), 90, np.uint8), 90))
        recorder.write_camera_info('camera_info', stamp_ns, 'optical', CAMERA)
        recorder.write_diagnostics('/diagnostics', stamp_ns, 'optical', [
            Diagnostic('a: b', 2, 'fog', (('p_value', '0.5'), ('fault', 'x'), ('fault', 'y')),
                       'front')])
    return folder


def test_every_message_is_read_back(tmp_path):
    found = {topic: (kind, time_ns, message)
             for topic, kind, time_ns, message in read(write(tmp_path / 'bag'))}
    assert {topic: kind for topic, (kind, _, _) in found.items()} == {
        '/depth/image': 'sensor_msgs/msg/Image', '/segmentation/classes': 'sensor_msgs/msg/Image',
        '/segmentation/overlay': 'sensor_msgs/msg/Image',
        '/image/compressed': 'sensor_msgs/msg/CompressedImage',
        '/camera_info': 'sensor_msgs/msg/CameraInfo',
        '/diagnostics': 'diagnostic_msgs/msg/DiagnosticArray'}
    for _, time_ns, message in found.values():
        stamp = message.header.stamp
        assert (time_ns, stamp.sec, stamp.nanosec) == (STAMP_NS, 1_700_000_000, 123_456_789)
        assert message.header.frame_id == 'optical'


def test_maps_have_their_encoding_and_their_pixels(tmp_path):
    found = {topic: message for topic, _, _, message in read(write(tmp_path / 'bag'))}
    depth, overlay = found['/depth/image'], found['/segmentation/overlay']
    assert (depth.encoding, depth.height, depth.width, depth.step) == ('32FC1', 2, 3, 12)
    np.testing.assert_array_equal(np.frombuffer(depth.data, '<f4').reshape(2, 3), DEPTH)
    assert (overlay.encoding, overlay.step, bytes(overlay.data)) == ('rgb8', 9, bytes(range(18)))
    assert found['/segmentation/classes'].encoding == 'mono8'
    assert list(found['/camera_info'].k) == [60, 0, 1, 0, 61, .5, 0, 0, 1]


def test_a_diagnostic_keeps_its_level_and_repeated_keys(tmp_path):
    found = {topic: message for topic, _, _, message in read(write(tmp_path / 'bag'))}
    [status] = found['/diagnostics'].status
    assert (status.name, status.message, status.hardware_id) == ('a: b', 'fog', 'front')
    assert (status.level if isinstance(status.level, int) else status.level[0]) == 2
    assert [(pair.key, pair.value) for pair in status.values] == [
        ('p_value', '0.5'), ('fault', 'x'), ('fault', 'y')]


def test_bags_are_joined_in_order(tmp_path):
    parts = [write(tmp_path / name / 'bag', STAMP_NS + index)
             for index, name in enumerate('ab')]
    join_bags(parts, tmp_path / 'bag')
    times_ns = [time_ns for _, _, time_ns, _ in read(tmp_path / 'bag')]
    assert times_ns == [STAMP_NS] * 6 + [STAMP_NS + 1] * 6
    assert len(open_drive(f'{tmp_path / "bag"}:/image/compressed')) == 2


def test_an_existing_folder_is_refused(tmp_path):
    with pytest.raises(FileExistsError, match='remove it or name another folder'):
        TopicRecorder(tmp_path)


def test_the_stamp_of_a_serialized_message_is_read_exactly():
    message = image_message(header_message(STAMP_NS, 'optical'), '32FC1', DEPTH)
    store = get_typestore(Stores.ROS2_JAZZY)
    for little in (True, False):
        data = store.serialize_cdr(message, message.__msgtype__, little_endian=little)
        assert header_stamp_ns(bytes(data)) == STAMP_NS


@pytest.mark.parametrize(('maps_hz', 'chosen'), [(0, list(range(9))), (10, [0, 4, 8]),
                                                 (20, [0, 2, 4, 6, 8])])
def test_the_first_frame_of_each_period_is_chosen(maps_hz, chosen):
    thinning = MapThinning(maps_hz)
    assert [i for i in range(9) if thinning.due(STAMP_NS // 10**8 * 10**8 + i * 25_000_000)
            ] == chosen
