# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A rosbag2 folder, .mcap or .db3 file: one image topic of it, with its camera_info."""
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from bdl_perception.drives.bag_messages import camera_from_info
from bdl_perception.drives.bag_messages import rgb_from_message
from bdl_perception.drives.bag_messages import stamp_ns
from bdl_perception.drives.drive import DEFAULT_RATE_HZ
from bdl_perception.drives.recording import IMAGE_TOPICS
from bdl_perception.drives.recording import PICTURE_TOPIC
from bdl_perception.perception.values import CameraFrame
from bdl_perception.perception.values import PinholeCamera
from rosbags.highlevel import AnyReader
from rosbags.typesys import get_typestore
from rosbags.typesys import Stores

COMPRESSED = '/compressed'  # how image_transport names the topic of CompressedImages
IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'


class BagError(ValueError):
    """A bag or a picture of it cannot be used; the message names it."""


@dataclass(frozen=True)
class BagDrive:
    """The pictures of one topic, stamped by the camera."""

    path: Path
    topic: str
    info_topic: str  # may be missing from the bag: then the camera is not known
    rate_hz: float
    frames: int
    name: str

    def __len__(self) -> int:
        """Count the pictures of the topic."""
        return self.frames

    def __iter__(self) -> Iterator[CameraFrame]:
        """Decode one picture after the other; the camera is the last one told before it."""
        with _open(self.path) as reader:
            camera = _first_camera(reader, self.info_topic)
            wanted = [connection for connection in reader.connections
                      if connection.topic in (self.topic, self.info_topic)]
            for connection, _, data in reader.messages(wanted):
                message = reader.deserialize(data, connection.msgtype)
                if connection.topic == self.info_topic:
                    camera = camera_from_info(message)
                    continue
                yield _frame(message, camera, f'{self.path}, topic {self.topic}')


def open_bag(path: Path, topic: str = '') -> BagDrive:
    """Open a bag; ValueError lists the image topics when it is not clear which one is meant."""
    with _open(path) as reader:
        counts = {name: info.msgcount for name, info in reader.topics.items()
                  if info.msgtype in IMAGE_TYPES and info.msgcount}
        chosen = _choose(path, topic, counts)
        frames, duration_s = counts[chosen], reader.duration / 1e9
    rate_hz = (frames - 1) / duration_s if frames > 1 and duration_s > 0 else DEFAULT_RATE_HZ
    base = chosen.removesuffix(COMPRESSED).rpartition('/')[0]
    return BagDrive(path, chosen, f'{base}/camera_info', rate_hz, frames, path.stem)


def _choose(path: Path, topic: str, counts: dict[str, int]) -> str:
    known = ', '.join(f'{name} ({count} pictures)' for name, count in counts.items()) or 'none'
    if topic:
        for name in (topic, topic + COMPRESSED):
            if name in counts:
                return name
        raise BagError(f'{path} has no image topic {topic}; its image topics: {known}')
    if counts.keys() == set(IMAGE_TOPICS):  # of our own: the others are truth, not pictures
        return PICTURE_TOPIC
    if len(counts) != 1:
        example = next(iter(counts), '/camera/image_raw')
        raise BagError(f'{path} must have one image topic, or say which one as '
                       f'{path}:{example}; its image topics: {known}')
    return next(iter(counts))


@contextmanager
def _open(path: Path) -> Iterator[AnyReader]:
    """Open a bag; whatever a damaged file makes the reader raise becomes one clear BagError."""
    try:
        # bags of Humble and earlier carry no message definitions; these three never changed
        with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            yield reader
    except BagError:
        raise
    except Exception as error:
        raise BagError(f'{path} cannot be read as a bag ({type(error).__name__}: {error}); '
                       f'was it recorded to its end? `ros2 bag reindex` may mend it') from error


def _first_camera(reader: AnyReader, topic: str) -> PinholeCamera | None:
    """Look ahead: the first picture may have been recorded before the first camera_info."""
    wanted = [connection for connection in reader.connections
              if connection.topic == topic and connection.msgtype == INFO_TYPE]
    for connection, _, data in reader.messages(wanted) if wanted else ():
        return camera_from_info(reader.deserialize(data, connection.msgtype))
    return None


def _frame(message: object, camera: PinholeCamera | None, where: str) -> CameraFrame:
    stamp, frame_id = stamp_ns(message)
    try:
        return CameraFrame(rgb_from_message(message), stamp, frame_id, camera)
    except ValueError as error:
        raise BagError(f'{where}, picture at {stamp} ns: {error}') from error
