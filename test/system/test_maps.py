# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The images that perception_node publishes over DDS."""
from bdl_perception import topics
from bdl_perception.nodes import publishers
from bdl_perception.nodes.messages import (
    camera_info_message,
    make_header,
    stamp_to_ns,
    uint8_image,
)
from bdl_perception.perception.camera_info import camera_from_info
from bdl_perception.perception.data_types import PinholeCamera
import numpy as np
import pytest
from ros_world import nominal_image
from sensor_msgs.msg import CameraInfo

pytestmark = pytest.mark.slow  # starts processes

FRAME_MAPS = (topics.DEPTH, topics.DEPTH_INFO, topics.ALEATORIC, topics.CLASSES,
              topics.SEGMENTATION_INFO, topics.ENTROPY, topics.ENERGY, topics.OVERLAY,
              topics.DEPTH_COLOURED, topics.ALEATORIC_COLOURED, topics.CLASSES_COLOURED,
              topics.ENTROPY_COLOURED)
UNICODE_FRAME_ID = 'Kamera vorn/links é'
CYCLE_MAPS = (topics.EPISTEMIC, topics.MUTUAL_INFORMATION, topics.EPISTEMIC_COLOURED,
              topics.MUTUAL_INFORMATION_COLOURED)
COLOURED = {topic: 'rgb8' for topic in FRAME_MAPS + CYCLE_MAPS
            if topic.name.endswith('coloured')}


def stamps(world, topic):
    return [(message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id)
            for message in world.received[topic]]


def extreme_image(index):
    """Make an image whose stamp is changed by any rounding."""
    stamp_ns = 2**31 * 10**9 - 1 - 7 * index
    return uint8_image(nominal_image(index), make_header(stamp_ns, UNICODE_FRAME_ID))


def extreme_stamps(world, topic):
    return {stamp for stamp in stamps(world, topic) if stamp[2] == UNICODE_FRAME_ID}


def test_every_map_has_the_stamp_and_frame_id_of_its_frame(nominal):
    world = nominal
    world.listen(*FRAME_MAPS, *CYCLE_MAPS, topics.SCORES)
    world.until(lambda: all(len(extreme_stamps(world, topic)) >= 5
                            for topic in FRAME_MAPS + CYCLE_MAPS),
                'five of each map', make=extreme_image)
    for topic in (*FRAME_MAPS, *CYCLE_MAPS, topics.SCORES):
        assert set(stamps(world, topic)) <= world.sent_stamps, topic.name
    world.until(lambda: {*stamps(world, topics.EPISTEMIC)} & {*stamps(world, topics.SCORES)},
                'scores of a cycle with the stamp of its maps', make=extreme_image)


def test_maps_have_the_encoding_and_size_of_the_model(nominal):
    world = nominal
    world.listen(*FRAME_MAPS, *CYCLE_MAPS)
    world.until(lambda: all(world.received[topic] for topic in FRAME_MAPS + CYCLE_MAPS),
                'one of each map', make=nominal_image)
    encodings = {topic: world.received[topic][0].encoding for topic in FRAME_MAPS + CYCLE_MAPS
                 if topic.type == topics.IMAGE_TYPE}
    assert encodings == {
        topics.DEPTH: '32FC1', topics.ALEATORIC: '32FC1', topics.EPISTEMIC: '32FC1',
        topics.CLASSES: 'mono8', topics.ENTROPY: '32FC1', topics.ENERGY: '32FC1',
        topics.OVERLAY: 'rgb8', topics.MUTUAL_INFORMATION: '32FC1', **COLOURED}
    sizes = {(world.received[topic][0].width, world.received[topic][0].height)
             for topic in FRAME_MAPS + CYCLE_MAPS}
    assert sizes == {(40, 24)}
    depth = np.frombuffer(world.received[topics.DEPTH][0].data, '<f4')
    assert np.isfinite(depth).all() and (depth > 1).all()  # nominal images have no sky


def test_camera_info_is_rescaled_to_the_maps_and_scales_depth(nominal):
    world = nominal
    world.listen(topics.DEPTH, topics.DEPTH_INFO)
    sent = set()

    def constant_image(index):
        message = world.image(nominal_image(1))
        sent.add(stamp_to_ns(message.header.stamp))
        return message

    def by_stamp(topic):
        return {stamp_to_ns(message.header.stamp): message
                for message in world.received[topic]}

    def results(focal):
        """Depth and camera_info of each of the equal images with this focal length."""
        depths, infos = by_stamp(topics.DEPTH), by_stamp(topics.DEPTH_INFO)
        return [(np.frombuffer(depths[stamp].data, '<f4'), infos[stamp])
                for stamp in sorted(sent & depths.keys() & infos.keys())
                if infos[stamp].k[0] == focal]

    def send_focal(focal):
        camera = PinholeCamera(80, 48, focal, 130., 41.5, 22.5)
        world.info = camera_info_message(camera, make_header(0, 'camera'))
        world.until(lambda: results(focal / 2), f'{focal} px take effect', make=constant_image)
        return results(focal / 2)[-1]

    depth, _ = send_focal(100.)
    scaled, info = send_focal(200.)
    assert scaled == pytest.approx(2 * depth, rel=1e-6)
    assert camera_from_info(info) == PinholeCamera(40, 24, 100., 65., 20.5, 11.)
    assert list(info.p)[:3] == [100., 0., 20.5]


def test_points_are_the_depth_of_their_frame_and_have_an_epistemic_uncertainty(nominal):
    world = nominal
    world.listen(topics.DEPTH, topics.POINTS, topics.DEPTH_INFO)

    def together():
        """Return cloud, depth and camera_info of one frame, if its points are complete."""
        by_stamp = [{str(message.header.stamp): message for message in world.received[topic]}
                    for topic in (topics.POINTS, topics.DEPTH, topics.DEPTH_INFO)]
        return [[one[stamp] for one in by_stamp]
                for stamp in set.intersection(*map(set, by_stamp))
                if not np.isnan(points_of(by_stamp[0][stamp])['epistemic']).any()]

    world.until(together, 'points with an epistemic uncertainty', make=nominal_image)
    cloud, depth, info = together()[0]
    points = points_of(cloud)
    np.testing.assert_array_equal(points['z'], np.frombuffer(depth.data, '<f4'))
    columns = points['x'] / points['z'] * info.p[0] + info.p[2]
    np.testing.assert_allclose(columns, np.tile(np.arange(40), 24), atol=1e-3)
    assert (points['epistemic'] > 0).all() and (points['aleatoric'] > 0).all()


def points_of(cloud):
    offsets = {field.name: field.offset for field in cloud.fields}
    names = {'x': 'x', 'z': 'z', 'epistemic': 'epistemic_std', 'aleatoric': 'aleatoric_std'}
    return np.frombuffer(cloud.data, np.dtype({
        'names': list(names), 'formats': ['<f4'] * 4,
        'offsets': [offsets[name] for name in names.values()], 'itemsize': cloud.point_step}))


def test_a_camera_info_that_was_sent_once_is_received(world, model):
    world.sends_info = False
    publisher = world.node.create_publisher(CameraInfo, 'camera_info', publishers.latched_qos())
    camera = PinholeCamera(80, 48, 64., 64., 39.5, 23.5)
    publisher.publish(camera_info_message(camera, make_header(0, 'camera')))
    world.listen(topics.DEPTH_INFO, topics.STATUS)
    world.perception(model, autostart=True)
    world.until(lambda: [info for info in world.received[topics.DEPTH_INFO] if info.k[0] == 32],
                'a scaled camera_info', make=nominal_image)


def test_images_of_any_size_are_processed_and_a_wrong_camera_info_reported(nominal):
    world = nominal
    world.listen(topics.DEPTH, topics.DEPTH_INFO, topics.STATUS)
    info = camera_info_message(PinholeCamera(80, 48, 64, 64, 40, 24), make_header(0, 'camera'))
    for width, height in ((80, 48), (64, 64), (33, 121), (3, 2), (1, 1), (640, 31)):
        world.received[topics.DEPTH].clear()
        world.until(lambda: world.received[topics.DEPTH], f'a depth of {width}x{height}',
                    make=lambda index, size=(width, height): nominal_image(index, *size))
        assert world.received[topics.DEPTH][-1].width == 40
    world.info = info
    world.until(lambda: any('camera_info is for 80x48 px' in fault for fault in world.faults()),
                'the fault of the mismatch', make=lambda index: nominal_image(index, 64, 64))


def test_an_invalid_image_is_a_fault_and_the_next_one_is_processed(nominal):
    world = nominal
    world.listen(topics.DEPTH, topics.STATUS)
    world.until(lambda: world.received[topics.DEPTH], 'a first depth', make=nominal_image)
    for change, fault_part in (({'encoding': 'rgb9'}, "encoding 'rgb9' is not known"),
                               ({'height': 400}, 'bytes of data, must be'),
                               ({'width': 0}, 'image is 0x48 px'),
                               ({'step': 7}, 'step is 7 bytes')):
        def invalid(index, change=change):
            message = world.image(nominal_image(0))
            for name, value in change.items():
                setattr(message, name, value)
            return message

        world.until(lambda text=fault_part: any(text in fault for fault in world.faults()),
                    fault_part, make=invalid)
        world.received[topics.DEPTH].clear()
        world.until(lambda: world.received[topics.DEPTH], 'a depth after it', make=nominal_image)
    last = world.statuses[-1]
    assert last.state == 'active'
    assert last.frames_out + 4 + last.frames_dropped <= last.frames_in


def test_scores_and_depth_have_equal_stamps(nominal):
    world = nominal
    world.listen(topics.SCORES, topics.DEPTH)

    def common():
        depths, scored = ({stamp_to_ns(message.header.stamp) for message in world.received[topic]}
                          for topic in (topics.DEPTH, topics.SCORES))
        return depths & scored

    world.until(lambda: len(common()) >= 2, 'scores of two depths', make=nominal_image)
