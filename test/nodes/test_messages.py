# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Values survive the conversion to messages and back."""
import struct

from bdl_perception.nodes import messages
from bdl_perception.nodes.messages import make_header, stamp_to_ns
from bdl_perception.perception import camera_info
from bdl_perception.perception.data_types import PinholeCamera
from bdl_perception.perception.point_cloud import POINT
from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest

HEADER = make_header(7_000_000_003, 'front_optical')
seconds = st.integers(-2**31, 2**31 - 1)


@given(seconds, st.integers(0, 10**9 - 1))
def test_a_stamp_survives_the_round_trip_exactly(sec, nanosec):
    stamp = Time(sec=sec, nanosec=nanosec)
    assert make_header(stamp_to_ns(stamp), 'f').stamp == stamp


def test_a_stamp_with_a_whole_second_of_ns_is_rejected():
    with pytest.raises(ValueError, match='below 10'):
        stamp_to_ns(Time(sec=1, nanosec=10**9))


def serialized_copy(message):
    """Serialize and deserialize a message."""
    return deserialize_message(serialize_message(message), type(message))


def test_a_float_image_is_exact_for_nan_and_infinity():
    values = np.array([[1.5, np.nan, np.inf], [-0.0, 1e-42, 3.4e38]], np.float32)
    image = serialized_copy(messages.float32_image(values, HEADER))
    assert (image.encoding, image.height, image.width, image.step) == ('32FC1', 2, 3, 12)
    assert image.data.tobytes() == values.astype('<f4').tobytes()
    assert image.header.frame_id == 'front_optical'
    assert (image.header.stamp.sec, image.header.stamp.nanosec) == (7, 3)


@pytest.mark.parametrize('shape, encoding', [((4, 5), 'mono8'), ((4, 5, 3), 'rgb8')])
def test_pixels_of_a_strided_view_keep_their_order(shape, encoding):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)[::-1, ::2]
    image = serialized_copy(messages.uint8_image(values, HEADER))
    assert image.encoding == encoding
    assert image.step * image.height == len(image.data)
    assert bytes(image.data) == values.tobytes()


def info(**changes):
    k = [100.0, 0.0, 31.0, 0.0, 110.0, 23.0, 0.0, 0.0, 1.0]
    p = [90.0, 0.0, 30.0, -9.0, 0.0, 95.0, 22.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    values = {'width': 64, 'height': 48, 'k': k, 'p': p, 'd': [0.1, -0.2, 0.0, 0.0, 0.01],
              'r': np.eye(3)[[1, 0, 2]].ravel(), 'distortion_model': 'plumb_bob'}
    return CameraInfo(**{**values, **changes})


def test_roi_and_binning_are_applied_to_the_camera():
    whole = camera_info.camera_from_info(info())
    assert whole == PinholeCamera(64, 48, 100, 110, 31, 23)
    roi = RegionOfInterest(x_offset=10, y_offset=4, width=40, height=30)
    part = camera_info.camera_from_info(info(roi=roi, binning_x=2, binning_y=2))
    assert part == PinholeCamera(20, 15, 50, 55, 10.5, 9.5)


def test_an_uncalibrated_camera_info_gives_none():
    assert camera_info.camera_from_info(CameraInfo(width=64, height=48)) is None


P_CAMERA = PinholeCamera(64, 48, 90, 95, 30, 22)
K_CAMERA = PinholeCamera(64, 48, 100, 110, 31, 23)


@pytest.mark.parametrize('changes, rectified, camera', [
    ({}, False, K_CAMERA), ({}, True, P_CAMERA), ({'p': [0.] * 12}, True, K_CAMERA),
    ({'k': [0.] * 9}, False, P_CAMERA),
    ({'p': [float('nan')] * 12, 'd': []}, True, K_CAMERA)])
def test_rectified_images_have_the_camera_of_p(changes, rectified, camera):
    assert camera_info.camera_from_info(info(**changes), rectified) == camera


@pytest.mark.parametrize('topic, rectified', [
    ('/image_rect', True), ('/left/image_rect_color', True), ('/cam/rect/image', True),
    ('/image_rect/compressed', True), ('/camera/image_rect_raw', True), ('/image_raw', False),
    ('/direct/image', False), ('/rectangle/image', False), ('/image_unrectified', False)])
def test_rectified_images_are_known_by_their_topic(topic, rectified):
    assert camera_info.is_rectified(info(), topic) == rectified
    assert camera_info.is_rectified(info(d=[]), topic) and camera_info.is_rectified(
        info(d=[0.] * 5), topic)
    note = messages.ignored_distortion(info(), topic)
    assert note is None if rectified else 'lens distortion (plumb_bob)' in note


@pytest.mark.parametrize('found, size, reported', [
    (None, (64, 48), 'no camera_info was received'),
    (CameraInfo(width=64, height=48), (64, 48), 'camera_info has no focal length'),
    (info(), (64, 49), 'camera_info is for 64x48 px, but the image is 64x49 px'),
    (info(k=[1e-6, 0., 31., 0., 1e-6, 23., 0., 0., 1.]), (64, 48), 'focal length of 1e-06 px'),
    (info(k=[1e6, 0., 31., 0., 1e6, 23., 0., 0., 1.]), (64, 48), 'focal length of 1e+06 px')])
def test_an_unknown_scale_is_named(found, size, reported):
    camera, fault, warning = camera_info.match_camera(found, *size, False)
    text = fault or warning
    assert camera is None and reported in text and text.endswith('the scale of depth is unknown')
    assert (fault is None) == (reported.split()[-1] in ('received', 'length'))


def test_the_field_of_view_is_that_of_the_full_sensor():
    roi = RegionOfInterest(x_offset=30, y_offset=20, width=4, height=4)
    assert camera_info.match_camera(info(roi=roi), 4, 4, False).camera is not None
    assert camera_info.match_camera(info(), 64, 48, False) == (K_CAMERA, None, None)


def test_zeros_of_k_r_and_p_are_completed():
    after = PinholeCamera(32, 24, 50, 55, 15, 11)
    out = messages.rescaled_camera_info(info(p=[0.] * 12, r=[0.] * 9), after, HEADER)
    assert list(out.p) == [50, 0, 15, 0, 0, 55, 11, 0, 0, 0, 1, 0]
    assert list(out.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    out = messages.rescaled_camera_info(info(k=[0.] * 9), after, HEADER)
    assert list(out.k) == [50, 0, 15, 0, 55, 11, 0, 0, 1]


def test_maps_of_rectified_images_have_their_camera_in_p():
    after = PinholeCamera(32, 24, 45, 47.5, 14.75, 10.75)  # half of P
    out = messages.rescaled_camera_info(info(), after, HEADER, rectified=True)
    assert camera_info.camera_from_info(out, rectified=True) == after
    assert (out.k[0], out.p[3]) == (50, -4.5)


def project(matrix, point):
    u, v, w = np.reshape(matrix, (3, -1)) @ point
    return np.array([u / w, v / w])


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(1, 50))
def test_rescaled_info_projects_like_crop_and_resize(x, y, z):
    # cut 8 px left and 4 px above, keep 48 x 40, enlarge to 96 x 60
    across, down = 2.0, 1.5
    after = PinholeCamera(96, 60, 100 * across, 110 * down,
                          (31 + .5 - 8) * across - .5, (23 + .5 - 4) * down - .5)
    out = serialized_copy(messages.rescaled_camera_info(info(), after, HEADER))
    for old, new, point in ((info().k, out.k, (x, y, z)), (info().p, out.p, (x, y, z, 1.0))):
        moved = (project(old, point) + .5 - (8, 4)) * (across, down) - .5
        assert project(new, point) == pytest.approx(moved, abs=1e-6)


def test_rescaled_info_keeps_distortion_and_rotation():
    source = info(binning_x=2, roi=RegionOfInterest(width=3, height=3))
    out = messages.rescaled_camera_info(source, PinholeCamera(32, 24, 50, 55, 15, 11), HEADER)
    assert (out.width, out.height, out.header) == (32, 24, HEADER)
    assert list(out.d) == list(source.d)
    assert list(out.r) == list(source.r)
    assert (out.distortion_model, out.binning_x, out.roi) == ('plumb_bob', 0, RegionOfInterest())
    assert (source.width, source.roi.width) == (64, 3), 'the source was changed'
    assert camera_info.camera_from_info(out) == PinholeCamera(32, 24, 50, 55, 15, 11)


def test_a_camera_survives_the_round_trip():
    camera = PinholeCamera(320, 192, 251.3, 249.9, 160.1, 95.2)
    assert camera_info.camera_from_info(messages.camera_info_message(camera, HEADER)) == camera


def test_an_unknown_camera_is_published_as_uncalibrated():
    out = messages.uncalibrated_camera_info(320, 192, HEADER)
    assert (out.width, out.height, out.header) == (320, 192, HEADER)
    assert camera_info.camera_from_info(out) is None


def test_image_data_is_an_array_of_bytes():
    assert isinstance(messages.float32_image(np.zeros((2, 2), np.float32), HEADER), Image)
    assert messages.pixel_buffer(np.zeros(4, np.uint8)).typecode == 'B'


def some_points(count):
    points = np.zeros(count, POINT)
    for index, name in enumerate(('x', 'y', 'z', 'epistemic_std', 'aleatoric_std')):
        points[name] = np.arange(count) + index / 8
    points['rgb'], points['class_id'] = 0x102030 + np.arange(count), np.arange(count) % 11
    return points


def read_points(cloud):
    """Read every field by its offset, as sensor_msgs/PointCloud2 defines it; rgb as bytes."""
    formats = {1: 'b', 2: 'B', 3: 'h', 4: 'H', 5: 'i', 6: 'I', 7: 'f', 8: 'd'}
    data = bytes(cloud.data)
    assert (cloud.height, cloud.is_bigendian, cloud.is_dense) == (1, False, True)
    assert cloud.row_step == cloud.point_step * cloud.width == len(data)
    return [{field.name: struct.unpack_from(
        '<' + ('3B' if field.name == 'rgb' else formats[field.datatype]), data,
        start + field.offset) for field in cloud.fields}
        for start in range(0, len(data), cloud.point_step)]


@pytest.mark.parametrize('count', [0, 1, 7])
def test_points_survive_the_round_trip(count):
    points = some_points(count)
    cloud = serialized_copy(messages.points_message(points, HEADER))
    assert cloud.header == HEADER
    read = read_points(cloud)
    assert len(read) == cloud.width == count
    for index, point in enumerate(read):
        assert point.pop('rgb') == (0x30 + index, 0x20, 0x10)
        assert point == {name: (points[name][index].item(),) for name in POINT.names
                         if name != 'rgb'}


def test_points_have_the_fields_that_pcl_and_nav2_read():
    cloud = messages.points_message(some_points(1), HEADER)
    fields = {field.name: field for field in cloud.fields}
    for name in ('x', 'y', 'z', 'rgb', 'epistemic_std', 'aleatoric_std'):
        assert (fields[name].datatype, fields[name].count) == (7, 1)  # FLOAT32
    assert fields['class_id'].datatype == 2  # UINT8
    assert [fields[name].offset for name in 'xyz'] == [0, 4, 8]  # some copy them as one block


def test_points_are_read_by_sensor_msgs_py():
    reader = pytest.importorskip('sensor_msgs_py.point_cloud2', reason='apt installs it')
    points = some_points(5)
    read = reader.read_points(messages.points_message(points, HEADER))
    for name in set(POINT.names) - {'rgb'}:
        np.testing.assert_array_equal(read[name], points[name])
    np.testing.assert_array_equal(read['rgb'].view('<u4'), points['rgb'])
