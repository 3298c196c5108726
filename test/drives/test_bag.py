# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

from bdl_perception.drives import DriveError, open_drive, open_drives
from bdl_perception.drives.catalog import list_drives
from bdl_perception.perception.camera_info import camera_from_info
from bdl_perception.perception.image_decoding import rgb_from_image
from drive_files import (
    camera_drive,
    camera_info,
    compressed,
    frame_image,
    header,
    image,
    index_of,
    LENS,
    raw_image,
    TYPES,
    write_bag,
)
import numpy as np
import pytest


@pytest.mark.parametrize('mcap', [False, True])
def test_a_bag_plays_its_only_camera_bit_for_bit(tmp_path: Path, mcap: bool) -> None:
    drive = open_drive(write_bag(tmp_path / 'run', camera_drive(), mcap))
    frames = list(drive)
    assert (drive.name, len(drive)) == ('run', 4)
    assert drive.rate_hz == pytest.approx(10.0, rel=1e-6)
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.rgb, frame_image(index))
        assert frame.stamp_ns == 1_700_000_000_000_000_123 + index * 100_000_000
        assert frame.frame_id == 'front'


@pytest.mark.parametrize(('mcap', 'pattern'), [(True, '*.mcap'), (False, '*.db3')])
def test_the_file_inside_a_bag_is_enough(tmp_path: Path, mcap: bool, pattern: str) -> None:
    file, = write_bag(tmp_path / 'run', camera_drive(), mcap).glob(pattern)
    assert [index_of(frame.rgb) for frame in open_drive(file)] == [0, 1, 2, 3]


def test_the_first_image_knows_a_camera_that_was_reported_after_it(tmp_path: Path) -> None:
    cameras = [frame.camera for frame in open_drive(write_bag(tmp_path / 'b', camera_drive()))]
    assert all(camera is not None and camera.fx == LENS['fx'] for camera in cameras)


def test_a_zoom_changes_the_camera_of_the_images_after_it(tmp_path: Path) -> None:
    messages = camera_drive(3)
    messages[3] = (messages[3][0], messages[3][1], camera_info(0, fx=90.0))
    cameras = [frame.camera for frame in open_drive(write_bag(tmp_path / 'b', messages))]
    assert [camera.fx for camera in cameras if camera] == [60.0, 60.0, 90.0]


def test_images_without_camera_info_have_no_camera(tmp_path: Path) -> None:
    messages = [m for m in camera_drive() if not m[0].endswith('camera_info')]
    assert next(iter(open_drive(write_bag(tmp_path / 'b', messages)))).camera is None


def test_compressed_images_have_the_camera_of_their_topic(tmp_path: Path) -> None:
    messages: list[tuple[str, int, Any]] = [
        ('/front/image_raw/compressed', i * 10**8, compressed(frame_image(i), i * 10**8))
        for i in range(3)]
    messages.append(('/front/camera_info', 1, camera_info(1)))
    drive = open_drive(write_bag(tmp_path / 'b', sorted(messages, key=lambda m: m[1])))
    frames = list(drive)
    assert [index_of(frame.rgb) for frame in frames] == [0, 1, 2]
    assert frames[0].camera is not None


def two_cameras() -> list[tuple[str, int, Any]]:
    return camera_drive(2, '/left/image_raw') + camera_drive(3, '/right/image_raw')


def test_of_several_cameras_one_must_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'/left/image_raw \(2 .*/right/image_raw \(3 '):
        open_drive(write_bag(tmp_path / 'b', two_cameras()))


def test_a_topic_behind_the_path_chooses_a_camera(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'b', two_cameras())
    assert len(list(open_drive(f'{bag}:/right/image_raw'))) == 3
    with pytest.raises(ValueError, match='no image topic /rear; its image topics: /left'):
        open_drive(f'{bag}:/rear')


def test_a_bag_without_images_is_refused(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'b', [('/front/camera_info', 1, camera_info(1))])
    with pytest.raises(ValueError, match='its image topics: none'):
        open_drive(bag)


@pytest.mark.parametrize('mcap', [False, True])
@pytest.mark.parametrize('part', [0.0, 0.01, 0.3, 0.6, 0.9, 0.995])
def test_a_bag_that_was_cut_off_gives_images_or_one_clear_error(
        tmp_path: Path, part: float, mcap: bool) -> None:
    folder = write_bag(tmp_path / 'b', camera_drive(20), mcap)
    file, = folder.glob('*.mcap' if mcap else '*.db3')
    file.write_bytes(file.read_bytes()[:int(part * file.stat().st_size)])
    for path in (folder, file):
        remedy = 'mcap recover FILE' if mcap else 'sqlite3 FILE .recover'
        with pytest.raises(ValueError, match=f'cannot be read as a bag.*{remedy}|topics: no'):
            list(open_drive(path))


@pytest.mark.parametrize('text', ['', ':', 'rosbag2_bagfile_information: {version: 99}'])
def test_a_bag_with_broken_metadata_is_refused(tmp_path: Path, text: str) -> None:
    folder = write_bag(tmp_path / 'b', camera_drive())
    (folder / 'metadata.yaml').write_text(text)
    with pytest.raises(ValueError, match='cannot be read as a bag'):
        open_drive(folder)


def test_a_image_shorter_than_it_claims_is_named_by_its_stamp(tmp_path: Path) -> None:
    short = image(frame_image(0), 5)
    short.data = short.data[:-1]
    drive = open_drive(write_bag(tmp_path / 'b', [('/c/image', 1, short)]))
    with pytest.raises(ValueError, match=r'/c/image, image at 5 ns: .*64x48 px.* 1 of 1 images'):
        list(drive)


@pytest.mark.parametrize(('encoding', 'row', 'rgb'), [
    ('bgr8', [1, 2, 3, 4, 5, 6], [[3, 2, 1], [6, 5, 4]]),
    ('rgba8', [1, 2, 3, 9, 4, 5, 6, 9], [[1, 2, 3], [4, 5, 6]]),
    ('mono8', [7, 200], [[7, 7, 7], [200, 200, 200]]),
    ('8UC1', [7, 200], [[7, 7, 7], [200, 200, 200]]),
])
def test_encodings_become_rgb_whatever_fills_the_rows(
        encoding: str, row: list[int], rgb: list[list[int]]) -> None:
    rows = np.array([[*row, 99, 99], [*row, 99, 99]], np.uint8)
    pixels = rgb_from_image(raw_image(rows, encoding, width=2))
    assert pixels.dtype == np.uint8 and pixels.tolist() == [rgb, rgb]


def test_mono16_keeps_its_upper_byte_in_both_byte_orders() -> None:
    little = raw_image(np.array([[0x12, 0xAB]], np.uint8), 'mono16', width=1)
    big = raw_image(np.array([[0xAB, 0x12]], np.uint8), 'mono16', width=1)
    big.is_bigendian = 1
    for message in (little, big):
        value = rgb_from_image(message)[0, 0, 0]
        assert abs(int(value) - 0xAB) <= 1


@pytest.mark.parametrize(('encoding', 'width'), [('32FC1', 1), ('noise', 1), ('rgb8', 0)])
def test_an_invalid_image_is_refused(encoding: str, width: int) -> None:
    with pytest.raises(ValueError, match=r'image'):
        rgb_from_image(raw_image(np.zeros((2, 8), np.uint8), encoding, width))


def test_a_compressed_image_that_is_empty_is_refused() -> None:
    empty = TYPES['sensor_msgs/msg/CompressedImage'](header(0), 'jpeg', np.zeros(0, np.uint8))
    with pytest.raises(ValueError, match=r"of 0 bytes cannot be decoded.*'jpeg'"):
        rgb_from_image(empty)


def test_binning_and_region_of_interest_move_the_camera() -> None:
    info = camera_info(0, binning=2)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 8, 4, 40, 32
    camera = camera_from_info(info)
    assert camera is not None
    assert (camera.width, camera.height, camera.fx, camera.fy) == (20, 16, 30.0, 30.5)
    assert (camera.cx, camera.cy) == (11.75, 9.75)


def recorded_camera(folder: Path, topic: str, info: Any) -> list[Any]:
    """Give the cameras of two frames of a bag whose camera_info comes first."""
    base = topic.rpartition('/')[0]
    messages = [(f'{base}/camera_info', 0, info),
                *((topic, 1 + index, image(frame_image(index), 1 + index)) for index in range(2))]
    return [frame.camera for frame in open_drive(write_bag(folder / 'b', messages))]


@pytest.mark.parametrize(('topic', 'distortion', 'fx'), [
    ('/c/image_rect', .1, 40.), ('/c/image_raw', .1, 60.), ('/c/image', 0., 40.)])
def test_rectified_images_of_a_bag_have_the_camera_of_p(tmp_path: Path, topic: str,
                                                        distortion: float, fx: float) -> None:
    info = camera_info(0)
    info.d, info.p = np.full(5, distortion), np.array([40., 0, 31, 0, 0, 41, 23, 0, 0, 0, 1, 0])
    assert [camera.fx for camera in recorded_camera(tmp_path, topic, info)] == [fx, fx]


@pytest.mark.parametrize('value', [np.nan, np.inf, -60.])
def test_an_impossible_camera_info_of_a_bag_costs_no_frame(
        tmp_path: Path, caplog: pytest.LogCaptureFixture, value: float) -> None:
    info = camera_info(0)
    info.k[0] = info.p[0] = value
    assert recorded_camera(tmp_path, '/c/image_raw', info) == [None, None]
    [text] = caplog.messages
    assert '/c/image_raw: camera_info cannot be used, focal length is' in text
    assert text.endswith('the scale of depth is unknown')


def test_a_camera_that_was_never_calibrated_is_unknown() -> None:
    assert camera_from_info(camera_info(0, fx=0.0)) is None


def test_a_folder_of_bags_stands_for_one_topic_of_each(tmp_path: Path) -> None:
    for name in ('second', 'first'):
        write_bag(tmp_path / name, two_cameras())
    listed = list_drives([f'{tmp_path}:/right/image_raw'])
    assert listed == [Path(f'{tmp_path / name}:/right/image_raw') for name in ('first', 'second')]
    assert [len(open_drive(path)) for path in listed] == [3, 3]


def stamped_images(stamps: list[int], recorded: list[int] | None = None
                   ) -> list[tuple[str, int, Any]]:
    return [('/front/image_raw', at, image(frame_image(index), stamp))
            for index, (stamp, at) in enumerate(zip(stamps, recorded or stamps, strict=True))]


@pytest.mark.parametrize(('stamps', 'recorded'), [
    ([0, *range(10**18, 10**18 + 10**9, 10**8)], None),  # one from before /clock
    ([10**18 + i * 10**8 for i in range(10)], [10**18 + i * 10**7 for i in range(10)]),
    ([10**18 + i * 10**8 for i in (0, 1, 2, 3, 50, 51, 52)], None)])  # a pause
def test_the_rate_follows_from_the_stamps_of_the_camera(
        tmp_path: Path, stamps: list[int], recorded: list[int] | None) -> None:
    other = ('/front/camera_info', 0, camera_info(0))
    bag = write_bag(tmp_path / 'b', [other, *stamped_images(stamps, recorded)])
    assert open_drive(bag).rate_hz == pytest.approx(10.0)


def test_images_without_stamps_have_the_default_rate(tmp_path: Path) -> None:
    assert open_drive(write_bag(tmp_path / 'b', stamped_images([0] * 4))).rate_hz == 10.0


@pytest.mark.parametrize('damage', [b'', b'\xff\xd8', None])
def test_a_damaged_image_is_skipped_and_reported(
        tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    rows: list[tuple[str, int, Any]] = []
    for index in range(20):
        message = compressed(frame_image(index), index * 10**8)
        if index in (3, 7):
            message.data = (message.data[:len(message.data) // 2] if damage is None
                            else np.frombuffer(damage, np.uint8))
        rows.append(('/c/image/compressed', index * 10**8, message))
    frames = list(open_drive(write_bag(tmp_path / 'b', rows)))
    assert len(frames) == 18
    assert 'image at 300000000 ns' in caplog.text and '; skipped' in caplog.text
    assert '2 of 20 images were skipped' in caplog.text


@pytest.mark.parametrize(('count', 'damaged', 'fits'), [
    (40, 10, True), (40, 11, False), (300, 15, True), (300, 18, False), (3, 3, False)])
def test_a_recording_with_too_many_damaged_images_is_refused(
        tmp_path: Path, count: int, damaged: int, fits: bool) -> None:
    rows = []
    for index in range(count):
        message = compressed(frame_image(index), index * 10**8)
        if index >= count - damaged:
            message.data = message.data[:20]
        rows.append(('/c/image/compressed', index * 10**8, message))
    drive = open_drive(write_bag(tmp_path / 'b', rows))
    if fits:
        assert len(list(drive)) == count - damaged
    else:
        with pytest.raises(ValueError, match='cannot be decoded, record or copy them again'):
            list(drive)


def add_channel(file: Path, schema: tuple[str, str, str], encoding: str) -> None:
    """Put a schema and a channel before the first record of an unindexed .mcap."""
    def text(value: str) -> bytes:
        return len(value).to_bytes(4, 'little') + value.encode()

    def record(code: int, body: bytes) -> bytes:
        return bytes([code]) + len(body).to_bytes(8, 'little') + body
    name, kind, definition = schema
    extra = record(3, (900).to_bytes(2, 'little') + text(name) + text(kind) + text(definition))
    extra += record(4, (900).to_bytes(2, 'little') + (900).to_bytes(2, 'little')
                    + text('/foreign') + text(encoding) + bytes(4))
    data = file.read_bytes()
    header_end = 8 + 9 + int.from_bytes(data[9:17], 'little')
    footer = data.rindex(b'\x02' + (20).to_bytes(8, 'little'))
    data_end = data.index(b'\x0f' + (4).to_bytes(8, 'little'))
    assert footer > data_end
    empty_footer = b'\x02' + (20).to_bytes(8, 'little') + bytes(20) + data[:8]
    file.write_bytes(data[:header_end] + extra + data[header_end:data_end + 13] + empty_footer)


@pytest.mark.parametrize(('schema', 'encoding'), [
    (('Box', 'jsonschema', '{"type": "object"}'), 'json'),
    (('foxglove.Grid', 'protobuf', 'xyz'), 'protobuf'),
    (('car_msgs/srv/Open_Event', 'ros2msg', 'car_msgs/Unknown[] what is this?'), 'cdr'),
    (('sensor_msgs/msg/Image', 'ros2msg', 'string other'), 'cdr'),
    (('sensor_msgs/msg/Image', 'jsonschema', '{}'), 'json')])
def test_channels_of_other_programs_are_left_alone(
        tmp_path: Path, schema: tuple[str, str, str], encoding: str) -> None:
    folder = write_bag(tmp_path / 'b', camera_drive(), mcap=True)
    file, = folder.glob('*.mcap')
    add_channel(file, schema, encoding)
    assert [index_of(frame.rgb) for frame in open_drive(file)] == [0, 1, 2, 3]


@pytest.mark.parametrize(('encoding', 'rows'), [('nv12', 72), ('nv21', 72), ('yuv420', 72)])
def test_a_bag_of_planar_images_has_their_true_size(
        tmp_path: Path, encoding: str, rows: int) -> None:
    message = raw_image(np.full((rows, 64), 128, np.uint8), encoding, 64, 5)
    message.height = 48
    frame, = open_drive(write_bag(tmp_path / 'b', [('/c/image', 5, message)]))
    assert frame.rgb.shape == (48, 64, 3)
    assert np.abs(frame.rgb.astype(int) - 130).max() <= 1  # of 16 to 235


def test_a_ros1_bag_is_read(tmp_path: Path) -> None:
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import get_typestore, Stores
    store = get_typestore(Stores.ROS1_NOETIC)
    path = tmp_path / 'old.bag'
    with Writer(path) as writer:
        known = {}
        for topic, stamp, message in camera_drive():
            kind = message.__msgtype__
            if topic not in known:
                known[topic] = writer.add_connection(topic, kind, typestore=store)
            writer.write(known[topic], stamp, store.serialize_ros1(ros1(message, store), kind))
    frames = list(open_drive(path))
    assert [index_of(frame.rgb) for frame in frames] == [0, 1, 2, 3]
    assert frames[0].camera is not None and frames[0].camera.fx == LENS['fx']


def ros1(message: Any, store: Any) -> Any:
    """Make the same message of ROS 1: a header with seq, upper case in camera_info."""
    values = {name: getattr(message, name) for name in message.__dataclass_fields__
              if not name.startswith('__')}
    stamp = message.header.stamp
    time = store.types['builtin_interfaces/msg/Time'](stamp.sec, stamp.nanosec)
    values['header'] = store.types['std_msgs/msg/Header'](0, time, message.header.frame_id)
    values = {name.upper() if name in 'dkrp' else name: value for name, value in values.items()}
    if 'roi' in values:
        values['roi'] = store.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return store.types[message.__msgtype__](**values)


def test_only_metadata_that_are_missing_are_written_by_reindex(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / 'b', camera_drive())
    (folder / 'metadata.yaml').write_text('a: ' + '[' * 20_000)
    with pytest.raises(ValueError, match='ros2 bag reindex.* metadata.yaml anew'):
        open_drive(folder)


@pytest.mark.parametrize('mcap', [False, True])
def test_a_recording_without_metadata_is_read_from_its_only_file(
        tmp_path: Path, mcap: bool) -> None:
    folder = write_bag(tmp_path / 'run', camera_drive(3), mcap=mcap)
    (folder / 'metadata.yaml').unlink()
    assert [index_of(frame.rgb) for frame in open_drive(folder)] == [0, 1, 2]
    assert open_drives([folder])[0].rate_hz == pytest.approx(10.)
    file, = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-200])
    remedy = 'mcap recover' if mcap else 'sqlite3 FILE .recover'
    with pytest.raises(DriveError, match=f'cannot be read as a bag.*{remedy}'):
        list(open_drive(folder))


def test_several_bag_files_without_metadata_are_refused_with_the_remedy(tmp_path: Path) -> None:
    for name in ('0.mcap', '1.mcap'):
        (tmp_path / name).write_bytes(b'')
    with pytest.raises(DriveError, match='2 bag files but no metadata.yaml: .*ros2 bag reindex'):
        open_drive(tmp_path)


def test_a_folder_that_is_named_like_a_bag_of_ros_1_is_of_rosbag2(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / 'run.bag', camera_drive(3))
    assert [index_of(frame.rgb) for frame in open_drive(folder)] == [0, 1, 2]
