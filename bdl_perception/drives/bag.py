# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One image topic of a rosbag2 folder, .mcap, .db3 or ROS 1 .bag, with its camera_info."""
from contextlib import contextmanager
from dataclasses import dataclass
import logging
from pathlib import Path
import statistics
from typing import Any, Iterator, NamedTuple, Sequence

from bdl_perception.drives.bag_writer import IMAGE_TOPICS, RGB_TOPIC
from bdl_perception.drives.base import (
    BAG_METADATA_FILE,
    DamagedImages,
    DEFAULT_RATE_HZ,
    DriveError,
)
from bdl_perception.perception.camera_info import is_rectified, match_camera
from bdl_perception.perception.data_types import Bytes, CameraFrame, PinholeCamera
from bdl_perception.perception.image_decoding import ImageDecoder
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat
from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2
from rosbags.rosbag2 import storage_mcap
from rosbags.serde import SerdeError
from rosbags.typesys import get_typestore, Stores

LOG = logging.getLogger(__name__)
COMPRESSED_SUFFIX = '/compressed'  # of image_transport's topics of CompressedImage
IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
RATE_FRAMES = 100  # whose stamps give the rate


class Bag(NamedTuple):
    """An open reader; the connections are those of images and camera_info."""

    reader: Any
    connections: list[Any]
    store: Any

    def counts(self) -> dict[str, int]:
        """Count the images of each topic that has any."""
        counts: dict[str, int] = {}
        for one in self.connections:
            if one.msgtype in IMAGE_TYPES and one.msgcount:
                counts[one.topic] = counts.get(one.topic, 0) + one.msgcount
        return counts

    def messages(self, *topics: str) -> Iterator[tuple[str, Any]]:
        """Read the messages of some topics; a message that cannot be read is a SerdeError."""
        chosen = [one for one in self.connections if one.topic in topics]
        for connection, _, data in self.reader.messages(chosen) if chosen else ():
            yield connection.topic, self._deserialize(data, connection.msgtype)

    def _deserialize(self, data: bytes, kind: str) -> Any:
        is_ros1 = isinstance(self.reader, Reader1)
        try:
            return (self.store.deserialize_ros1 if is_ros1 else self.store.deserialize_cdr)(
                data, kind)
        except Exception as error:  # noqa: BLE001  of any kind, for data that are cut off
            return SerdeError(f'a message of {len(data)} bytes cannot be read ({error})')


def stamp_and_frame_id(message: Any) -> tuple[int, str]:
    """Give the camera's stamp in ns and its frame_id."""
    stamp = message.header.stamp
    return int(stamp.sec) * 10**9 + int(stamp.nanosec), str(message.header.frame_id)


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
        where = f'{self.path}, topic {self.topic}'
        decoder, damaged = ImageDecoder(report=LOG.warning), DamagedImages()
        cameras = RecordedCameras(where, self.topic)
        with open_reader(self.path) as bag:
            cameras.info = _first_info(bag, self.info_topic)
            for topic, message in bag.messages(self.topic, self.info_topic):
                try:
                    if isinstance(message, SerdeError):
                        raise ValueError(str(message))
                    if topic == self.info_topic:
                        cameras.info = message
                        continue
                    rgb = decoder.decode(message)
                    yield CameraFrame(rgb, *stamp_and_frame_id(message), cameras.match(rgb))
                    damaged.frames += 1
                except ValueError as error:
                    stamp = '' if isinstance(message, SerdeError) else (
                        f'image at {stamp_and_frame_id(message)[0]} ns: ')
                    damaged.skip(f'{where}, {stamp}{error}')
        damaged.report(where)


class RecordedCameras:
    """The last camera_info of a bag, read like a live one by perception_node."""

    def __init__(self, where: str, image_topic: str) -> None:
        """Begin without a camera_info; where: the bag and the topic, for the log."""
        self.info: Any = None
        self._where, self._image_topic = where, image_topic
        self._logged: str | None = None

    def match(self, rgb: Bytes) -> PinholeCamera | None:
        """Give the camera of an image; None: its scale is unknown, a wrong info is logged once."""
        rectified = self.info is not None and is_rectified(self.info, self._image_topic)
        matched = match_camera(self.info, rgb.shape[1], rgb.shape[0], rectified)
        if matched.fault and matched.fault != self._logged:
            self._logged = matched.fault
            LOG.warning('%s: %s', self._where, matched.fault)
        return matched.camera


def open_bag(path: Path, topic: str = '') -> BagDrive:
    """Open a bag; DriveError lists its image topics when the topic is ambiguous."""
    with open_reader(path) as bag:
        counts = bag.counts()
        chosen = _select_topic(path, topic, counts)
        rate_hz = _camera_rate_hz(bag, chosen)
    base = chosen.removesuffix(COMPRESSED_SUFFIX).rpartition('/')[0]
    return BagDrive(path, chosen, f'{base}/camera_info', rate_hz, counts[chosen], path.stem)


def _camera_rate_hz(bag: Bag, topic: str) -> float:
    """Take the rate from the median step of the camera's own stamps; some may be zero or lost."""
    stamps = list[int]()
    for _, message in bag.messages(topic):
        if not isinstance(message, SerdeError):
            stamps.append(stamp_and_frame_id(message)[0])
        if len(stamps) == RATE_FRAMES:
            break
    steps = [after - before for before, after in zip(stamps, stamps[1:], strict=False)
             if after > before]
    return 1e9 / statistics.median(steps) if steps else DEFAULT_RATE_HZ


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
def open_reader(path: Path, types: Sequence[str] = (*IMAGE_TYPES, INFO_TYPE)) -> Iterator[Bag]:
    """
    Open a bag for the messages of some types, which never changed.

    Any error of the reader becomes a DriveError with the remedy.
    """
    try:
        is_ros1 = path.suffix.lower() == '.bag' and path.is_file()  # a folder is of rosbag2
        with Reader1(path) if is_ros1 else Reader2(path) as reader:
            # Types of other channels may be unknown or contradictory.
            known = [one for one in reader.connections if one.msgtype in types
                     and getattr(one.ext, 'serialization_format', 'cdr') == 'cdr']
            yield Bag(reader, known,
                      get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_JAZZY))
    except DriveError:
        raise
    except Exception as error:
        raise DriveError(f'{path} cannot be read as a bag ({type(error).__name__}: '
                         f'{error}); {_remedy(path, error)}') from error


def _remedy(path: Path, error: Exception) -> str:
    """Name what helps, by the kind of the file and of the error."""
    text, files = str(error).lower(), [path, *(path.iterdir() if path.is_dir() else ())]
    suffixes = {one.suffix.lower() for one in files}
    if isinstance(error, PermissionError):
        return 'change its permissions'
    if 'compression' in text or isinstance(error, ImportError):
        return 'its compression is not known: record or convert it with zstd'
    if path.is_dir() and ('yaml' in text or 'metadata' in text or 'version' in text
                          or isinstance(error, RecursionError)):
        return f'`ros2 bag reindex` may write its {BAG_METADATA_FILE} anew'
    if '.mcap' in suffixes:
        return 'was it cut off? `mcap recover FILE -o NEW` saves what is whole'
    if '.db3' in suffixes:
        return 'was it cut off? `sqlite3 FILE .recover | sqlite3 NEW` saves what is whole'
    if '.bag' in suffixes:
        return 'was it cut off? `rosbag reindex` may repair it'
    return f'is a file missing? `ros2 bag reindex` may write its {BAG_METADATA_FILE} anew'


def _first_info(bag: Bag, topic: str) -> Any:
    """Read the first camera_info; the first image may have been recorded before it."""
    for _, message in bag.messages(topic):
        return None if isinstance(message, SerdeError) else message
    return None


def _leave_unknown_schemas(schema: Any, known: Any = storage_mcap.get_msgdef) -> MessageDefinition:
    """Give a channel of JSON or protobuf no definition; rosbags fails with KeyError."""
    try:
        return MessageDefinition(*known(schema))
    except KeyError:
        return MessageDefinition(MessageDefinitionFormat.NONE, '')


storage_mcap.get_msgdef = _leave_unknown_schemas
