# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Small recordings of every kind, whose images can be printed apart by their brightness."""
import json
from pathlib import Path
import struct
from typing import Any, Sequence

from bdl_perception.world.versions import WORLD_VERSION
import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

HEIGHT, WIDTH = 48, 64
STORE = get_typestore(Stores.ROS2_JAZZY)
TYPES = STORE.types
LENS = {'fx': 60.0, 'fy': 61.0, 'cx': 31.5, 'cy': 23.5}


def frame_image(index: int) -> NDArray[np.uint8]:
    """Grey (48, 64, 3) that grows brighter with the index, with a red upper left corner."""
    rgb = np.full((HEIGHT, WIDTH, 3), 20 + 20 * (index % 11), np.uint8)
    rgb[:16, :16] = (250, 0, 0)
    return rgb


def index_of(rgb: NDArray[np.uint8]) -> int:
    """Say which frame_image() this is, after any compression."""
    red = rgb[4:12, 4:12].reshape(-1, 3).mean(axis=0)
    assert red[0] > 180 and red[2] < 70, f'the corner is {red}, not red'
    return round((float(np.median(rgb[24:])) - 20) / 20)


def write_images(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), frame_image(index)[..., ::-1])
    return folder


def write_rendered(folder: Path, frames: int = 3, **changes: Any) -> Path:
    write_images(folder / 'rgb', [f'{index:06}.jpg' for index in range(frames)])
    description = {
        'format': 1, 'world': WORLD_VERSION, 'name': folder.name, 'seed': 7, 'split': 'train',
        'conditions': [],
        'rate_hz': 5.0, 'width': WIDTH, 'height': HEIGHT, 'camera': LENS, 'frames': frames,
        'stamps_ns': [index * 200_000_000 for index in range(frames)],
        'software_version': '0.1.0', **changes}
    (folder / 'drive.json').write_text(json.dumps(description))
    return folder


def write_video(path: Path, frames: int = 5, rate_hz: float = 12.5) -> Path:
    codec = cv2.VideoWriter.fourcc(*('mp4v' if path.suffix == '.mp4' else 'MJPG'))
    writer = cv2.VideoWriter(str(path), codec, rate_hz, (WIDTH, HEIGHT))
    for index in range(frames):
        writer.write(frame_image(index)[..., ::-1])
    writer.release()
    return path


def set_durations(path: Path, ticks: Sequence[int]) -> Path:
    """
    Give each frame of an MP4 of write_video its own duration (the table stts, ISO 14496-12).

    Frames that begin after the old end of the file are not shown.
    """
    data = path.read_bytes()
    start = data.index(b'stts') - 4
    end = start + struct.unpack_from('>I', data, start)[0]
    rows = b''.join(struct.pack('>II', 1, duration) for duration in ticks)
    table = struct.pack('>I4sII', 16 + len(rows), b'stts', 0, len(ticks)) + rows
    changed = bytearray(data[:start] + table + data[end:])
    for box in (b'moov', b'trak', b'mdia', b'minf', b'stbl'):  # all before or around the table
        at = changed.index(box) - 4
        size, = struct.unpack_from('>I', changed, at)
        struct.pack_into('>I', changed, at, size + len(table) - (end - start))
    path.write_bytes(changed)
    return path


def header(stamp_ns: int, frame_id: str = 'front') -> Any:
    time = TYPES['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
    return TYPES['std_msgs/msg/Header'](time, frame_id)


def image(rgb: NDArray[np.uint8], stamp_ns: int, padding: int = 0) -> Any:
    """Make an rgb8 Image whose rows end in padding bytes of 255."""
    height, width, _ = rgb.shape
    rows = np.pad(rgb.reshape(height, -1), ((0, 0), (0, padding)), constant_values=255)
    return raw_image(rows, 'rgb8', width, stamp_ns)


def raw_image(rows: NDArray[np.uint8], encoding: str, width: int, stamp_ns: int = 0) -> Any:
    return TYPES['sensor_msgs/msg/Image'](
        header(stamp_ns), len(rows), width, encoding, 0, rows.shape[1], rows.ravel())


def compressed(rgb: NDArray[np.uint8], stamp_ns: int) -> Any:
    data = cv2.imencode('.jpg', rgb[..., ::-1])[1].ravel()
    return TYPES['sensor_msgs/msg/CompressedImage'](header(stamp_ns), 'jpeg', data)


def camera_info(stamp_ns: int, fx: float = LENS['fx'], binning: int = 0) -> Any:
    k = np.array([fx, 0, LENS['cx'], 0, LENS['fy'], LENS['cy'], 0, 0, 1])
    roi = TYPES['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return TYPES['sensor_msgs/msg/CameraInfo'](
        header(stamp_ns), HEIGHT, WIDTH, 'plumb_bob', np.zeros(5), k, np.eye(3).ravel(),
        np.zeros(12), binning, binning, roi)


def write_bag(folder: Path, messages: list[tuple[str, int, Any]], mcap: bool = False) -> Path:
    """Write (topic, time of recording in ns, message) as a rosbag2 folder."""
    plugin = StoragePlugin.MCAP if mcap else StoragePlugin.SQLITE3
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for topic, time_ns, message in messages:
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], time_ns, STORE.serialize_cdr(message, kind))
    return folder


def camera_drive(frames: int = 4, topic: str = '/front/image_raw') -> list[tuple[str, int, Any]]:
    """Messages of a 10 Hz camera whose stamps lie 7 ms before the recording."""
    base = topic.rpartition('/')[0]
    messages: list[tuple[str, int, Any]] = []
    for index in range(frames):
        stamp = 1_700_000_000_000_000_123 + index * 100_000_000
        messages.append((topic, stamp + 7_000_000, image(frame_image(index), stamp, padding=8)))
        messages.append((f'{base}/camera_info', stamp + 7_000_001, camera_info(stamp)))
    return messages
