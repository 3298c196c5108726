# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One image topic of a rosbag2 folder, .mcap or .db3 file, with its camera_info."""
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from bdl_perception.drives.bag_writer import IMAGE_TOPICS, RGB_TOPIC
from bdl_perception.drives.base import DEFAULT_RATE_HZ, DriveError
from bdl_perception.perception.data_types import Bytes, CameraFrame, PinholeCamera
import cv2
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.image import ImageError, message_to_cvimage
from rosbags.image.image import to_cvtype
from rosbags.typesys import get_typestore, Stores

ENCODING_ALIASES = {'8UC1': 'mono8', '8UC3': 'bgr8', '16UC1': 'mono16'}  # of some drivers
COMPRESSED_SUFFIX = '/compressed'  # of image_transport's topics of CompressedImage
IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'


def stamp_and_frame_id(message: Any) -> tuple[int, str]:
    """Give the camera's stamp in ns and its frame_id."""
    stamp = message.header.stamp
    return int(stamp.sec) * 10**9 + int(stamp.nanosec), str(message.header.frame_id)


def rgb_from_message(message: Any) -> Bytes:
    """Decode an Image or CompressedImage to (H, W, 3) uint8 RGB; ValueError when it fails."""
    if hasattr(message, 'format'):
        return _decode_compressed(message)
    try:
        rgb = message_to_cvimage(_strip_row_padding(message), 'rgb8')
    except (ImageError, TypeError, cv2.error) as error:
        raise ValueError(f'an image of encoding {message.encoding!r} cannot be decoded: '
                         f'{error}') from error
    return np.ascontiguousarray(rgb, np.uint8)


def camera_from_info(info: Any) -> PinholeCamera | None:
    """Read K with region of interest and binning applied; None when K is not calibrated."""
    if info.k[0] == 0:
        return None
    roi, across, down = info.roi, max(info.binning_x, 1), max(info.binning_y, 1)
    return PinholeCamera(
        int((roi.width or info.width) // across), int((roi.height or info.height) // down),
        float(info.k[0] / across), float(info.k[4] / down),
        float((info.k[2] - roi.x_offset) / across), float((info.k[5] - roi.y_offset) / down))


def _decode_compressed(message: Any) -> Bytes:
    bgr = cv2.imdecode(message.data, cv2.IMREAD_COLOR) if len(message.data) else None
    if bgr is None:
        raise ValueError(f'a compressed image ({message.format!r}, {len(message.data)} bytes) '
                         f'cannot be decoded')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _strip_row_padding(message: Any) -> Any:
    """Remove the padding of the rows, which message_to_cvimage does not support."""
    encoding = ENCODING_ALIASES.get(message.encoding, message.encoding)
    bits, _, _, channels = to_cvtype(encoding)
    row_bytes = message.width * channels * bits // 8
    rows, need = message.height, message.step * message.height
    if rows < 1 or row_bytes < 1 or message.step < row_bytes or len(message.data) < need:
        raise ValueError(
            f'the image has {len(message.data)} bytes, but {message.width}x{rows} px of '
            f'{encoding!r} with {message.step} bytes per row')
    data = message.data[:need].reshape(rows, message.step)[:, :row_bytes]
    return type(message)(message.header, rows, message.width, encoding, message.is_bigendian,
                         row_bytes, np.ascontiguousarray(data).ravel())


@dataclass(frozen=True)
class BagDrive:
    """The frames of one topic, stamped by the camera."""

    path: Path
    topic: str
    info_topic: str  # the camera is unknown when the bag does not have it
    rate_hz: float
    frame_count: int
    name: str

    def __len__(self) -> int:
        """Count the frames of the topic."""
        return self.frame_count

    def __iter__(self) -> Iterator[CameraFrame]:
        """Decode one frame after the other, each with the last camera_info before it."""
        with _open_reader(self.path) as reader:
            camera = _first_camera(reader, self.info_topic)
            connections = [one for one in reader.connections
                           if one.topic in (self.topic, self.info_topic)]
            for connection, _, data in reader.messages(connections):
                message = reader.deserialize(data, connection.msgtype)
                if connection.topic == self.info_topic:
                    camera = camera_from_info(message)
                    continue
                yield _camera_frame(message, camera, f'{self.path}, topic {self.topic}')


def open_bag(path: Path, topic: str = '') -> BagDrive:
    """Open a bag; DriveError lists its image topics when the topic is ambiguous."""
    with _open_reader(path) as reader:
        counts = {name: info.msgcount for name, info in reader.topics.items()
                  if info.msgtype in IMAGE_TYPES and info.msgcount}
        chosen = _select_topic(path, topic, counts)
        frames, duration_s = counts[chosen], reader.duration / 1e9
    rate_hz = (frames - 1) / duration_s if frames > 1 and duration_s > 0 else DEFAULT_RATE_HZ
    base = chosen.removesuffix(COMPRESSED_SUFFIX).rpartition('/')[0]
    return BagDrive(path, chosen, f'{base}/camera_info', rate_hz, frames, path.stem)


def _select_topic(path: Path, topic: str, counts: dict[str, int]) -> str:
    known = ', '.join(f'{name} ({count} images)' for name, count in counts.items()) or 'none'
    if topic:
        for name in (topic, topic + COMPRESSED_SUFFIX):
            if name in counts:
                return name
        raise DriveError(f'{path} has no image topic {topic}; its image topics: {known}')
    if counts.keys() == set(IMAGE_TOPICS):  # of `bdl render`: the others are ground truth
        return RGB_TOPIC
    if len(counts) != 1:
        example = next(iter(counts), '/camera/image_raw')
        raise DriveError(f'{path} does not have exactly one image topic; choose one, such as '
                         f'{path}:{example}; its image topics: {known}')
    return next(iter(counts))


@contextmanager
def _open_reader(path: Path) -> Iterator[AnyReader]:
    """Open a bag; any error of the reader becomes a DriveError."""
    try:
        # bags of Humble and earlier carry no message definitions; these three never changed
        with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            yield reader
    except DriveError:
        raise
    except Exception as error:
        raise DriveError(f'{path} cannot be read as a bag ({type(error).__name__}: {error}); was '
                         f'it cut off? `ros2 bag reindex` may repair it') from error


def _first_camera(reader: AnyReader, topic: str) -> PinholeCamera | None:
    """Read the first camera_info; the first image may have been recorded before it."""
    connections = [one for one in reader.connections
                   if one.topic == topic and one.msgtype == INFO_TYPE]
    for connection, _, data in reader.messages(connections) if connections else ():
        return camera_from_info(reader.deserialize(data, connection.msgtype))
    return None


def _camera_frame(message: object, camera: PinholeCamera | None, where: str) -> CameraFrame:
    stamp, frame_id = stamp_and_frame_id(message)
    try:
        return CameraFrame(rgb_from_message(message), stamp, frame_id, camera)
    except ValueError as error:
        raise DriveError(f'{where}, image at {stamp} ns: {error}') from error
