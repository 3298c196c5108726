# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from bdl_perception.drives import open_drive, open_drives
from bdl_perception.drives.bag_writer import (
    read_recorded_description,
    RecordedFrame,
    write_recording,
)
from bdl_perception.drives.catalog import list_drives
from bdl_perception.perception.data_types import PinholeCamera
import cv2
from drive_files import frame_image, HEIGHT, index_of, LENS, STORE, WIDTH
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
import yaml

CAMERA = PinholeCamera(WIDTH, HEIGHT, **LENS)
STAMPS_NS = (0, 250_000_000, 1_000_000_007)


def frames() -> list[RecordedFrame]:
    rng = np.random.default_rng(3)
    depth = rng.uniform(1, 300, (len(STAMPS_NS), HEIGHT, WIDTH)).astype(np.float32)
    depth[:, :5], depth[:, 5, 0] = np.inf, np.nan
    classes = rng.integers(0, 256, depth.shape, np.uint8)
    jpegs = [cv2.imencode('.jpg', frame_image(i)[..., ::-1])[1].tobytes() for i in range(3)]
    return [RecordedFrame(*one) for one in zip(STAMPS_NS, jpegs, depth, classes, strict=True)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    write_recording(tmp_path / 'all' / 'run', CAMERA, frames(), 'what it is')
    return tmp_path / 'all' / 'run'


def messages(path: Path, topic: str) -> list[tuple[int, object]]:
    with AnyReader([path]) as reader:
        wanted = [connection for connection in reader.connections if connection.topic == topic]
        return [(time_ns, reader.deserialize(data, connection.msgtype))
                for connection, time_ns, data in reader.messages(wanted)]


def test_a_recording_plays_with_its_stamps_and_its_camera(recording: Path) -> None:
    for path in (recording, recording / 'run.mcap'):
        drive = open_drive(path)
        played = list(drive)
        assert len(drive) == 3
        assert tuple(frame.stamp_ns for frame in played) == STAMPS_NS
        assert [index_of(frame.rgb) for frame in played] == [0, 1, 2]
        assert all(frame.camera == CAMERA for frame in played)
        assert {frame.frame_id for frame in played} == {'camera_optical_frame'}


def test_a_folder_of_recordings_stands_for_all_of_them(recording: Path) -> None:
    write_recording(recording.parent / 'again', CAMERA, frames(), '')
    drives = open_drives(list_drives([recording.parent]))
    assert [drive.name for drive in drives] == ['again', 'run']


def test_images_are_the_bytes_that_were_given(recording: Path) -> None:
    found = messages(recording, '/camera/image/compressed')
    assert [bytes(message.data) for _, message in found] == [frame.jpeg for frame in frames()]
    assert all(message.format == 'jpeg' for _, message in found)


@pytest.mark.parametrize(('topic', 'encoding', 'dtype', 'kind'), [
    ('/camera/depth', '32FC1', '<f4', 'depth'), ('/camera/classes', 'mono8', 'u1', 'classes')])
def test_the_truth_is_stored_bit_for_bit(
        recording: Path, topic: str, encoding: str, dtype: str, kind: str) -> None:
    found = messages(recording, topic)
    assert tuple(time_ns for time_ns, _ in found) == STAMPS_NS
    for (time_ns, message), frame in zip(found, frames(), strict=True):
        stamp = message.header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == time_ns
        assert (message.encoding, message.is_bigendian) == (encoding, 0)
        assert message.step == WIDTH * np.dtype(dtype).itemsize
        pixels = message.data.view(dtype).reshape(message.height, message.width)
        np.testing.assert_array_equal(pixels, getattr(frame, kind))


def test_camera_info_describes_a_pinhole_without_distortion(recording: Path) -> None:
    _, info = messages(recording, '/camera/camera_info')[0]
    point = np.array([2., -1., 10.])  # x right, y down, z ahead, m
    expected = (LENS['fx'] * .2 + LENS['cx'], LENS['fy'] * -.1 + LENS['cy'])
    for matrix, ray in ((info.k.reshape(3, 3), point), (info.p.reshape(3, 4), [*point, 1])):
        u, v, w = matrix @ ray
        np.testing.assert_allclose((u / w, v / w), expected)
    np.testing.assert_array_equal(info.r.reshape(3, 3), np.eye(3))
    assert (info.width, info.height, info.distortion_model) == (WIDTH, HEIGHT, 'plumb_bob')
    assert not info.d.any() and len(info.d) == 5


def test_the_description_is_in_the_metadata(
        recording: Path) -> None:
    reported = yaml.safe_load((recording / 'metadata.yaml').read_text())
    assert reported['rosbag2_bagfile_information']['custom_data'] == {'drive': 'what it is'}
    assert b'zstd' in (recording / 'run.mcap').read_bytes()
    raw = sum(frame.depth.nbytes + frame.classes.nbytes for frame in frames())
    assert (recording / 'run.mcap').stat().st_size < raw + 20_000


def test_a_description_is_read_back(
        recording: Path) -> None:
    assert read_recorded_description(recording) == 'what it is'
    reported = yaml.safe_load((recording / 'metadata.yaml').read_text())
    del reported['rosbag2_bagfile_information']['custom_data']
    (recording / 'metadata.yaml').write_text(yaml.safe_dump(reported))
    with pytest.raises(ValueError, match='`bdl render` did not write'):
        read_recorded_description(recording)
    for text in ('a: [', 'a: 1', '5', ''):
        (recording / 'metadata.yaml').write_text(text)
        with pytest.raises(ValueError, match='metadata.yaml is not of a bag'):
            read_recorded_description(recording)


def test_a_recording_never_replaces_one(recording: Path) -> None:
    with pytest.raises(Exception, match='exists already'):
        write_recording(recording, CAMERA, frames(), '')


def test_messages_are_those_of_the_distribution(recording: Path) -> None:
    with AnyReader([recording]) as reader:
        for connection in reader.connections:
            assert connection.digest == STORE.hash_rihs01(connection.msgtype)
