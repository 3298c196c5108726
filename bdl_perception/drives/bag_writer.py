# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Write the frames of one camera and their ground truth as a rosbag2 folder with an .mcap."""
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from bdl_perception.drives.base import BAG_METADATA_FILE, DriveError, FRAME_ID
from bdl_perception.perception.data_types import Bytes, Floats, PinholeCamera
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores
import yaml

RGB_TOPIC = '/camera/image/compressed'
INFO_TOPIC = '/camera/camera_info'
DEPTH_TOPIC = '/camera/depth'
CLASSES_TOPIC = '/camera/classes'
IMAGE_TOPICS = (RGB_TOPIC, DEPTH_TOPIC, CLASSES_TOPIC)
DESCRIPTION_KEY = 'drive'  # key in the bag's custom data
_STORE = get_typestore(Stores.ROS2_JAZZY)
_TYPES = _STORE.types


class RecordedFrame(NamedTuple):
    """One frame and its ground truth."""

    stamp_ns: int
    jpeg: bytes
    depth: Floats  # (H, W) m along the optical axis, +Inf: sky
    classes: Bytes  # (H, W), 255: no label


def write_recording(folder: Path, camera: PinholeCamera, frames: Iterable[RecordedFrame],
                    description: str) -> None:
    """Write a new bag; the description, any text, is its custom data under the key 'drive'."""
    writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)  # chunks of the mcap
    writer.set_custom_data(DESCRIPTION_KEY, description)
    with writer:
        connections: dict[str, Any] = {}
        for frame in frames:
            for topic, message in _frame_messages(frame, camera):
                kind = message.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=_STORE)
                data = _STORE.serialize_cdr(message, kind)
                writer.write(connections[topic], frame.stamp_ns, data)


def read_recorded_description(folder: Path) -> str:
    """Read the description that write_recording wrote; DriveError when there is none."""
    try:
        metadata = yaml.safe_load((folder / BAG_METADATA_FILE).read_text(encoding='utf-8'))
        custom_data = metadata['rosbag2_bagfile_information'].get('custom_data') or {}
        description = custom_data.get(DESCRIPTION_KEY)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError,
            yaml.YAMLError) as error:
        raise DriveError(f'{folder / BAG_METADATA_FILE} is not of a bag ({error!r})') from error
    if not isinstance(description, str):
        raise DriveError(f'{folder} is a bag that `bdl render` did not write')
    return description


def _frame_messages(frame: RecordedFrame, camera: PinholeCamera) -> Iterable[tuple[str, Any]]:
    """Turn a frame into messages; camera_info comes before the image."""
    header = header_message(frame.stamp_ns, FRAME_ID)
    yield INFO_TOPIC, camera_info_message(header, camera)
    yield RGB_TOPIC, jpeg_message(header, frame.jpeg)
    yield DEPTH_TOPIC, image_message(header, '32FC1', frame.depth.astype('<f4'))
    yield CLASSES_TOPIC, image_message(header, 'mono8', frame.classes)


def header_message(stamp_ns: int, frame_id: str) -> Any:
    """Make a std_msgs/Header."""
    time = _TYPES['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
    return _TYPES['std_msgs/msg/Header'](time, frame_id)


def jpeg_message(header: Any, jpeg: bytes) -> Any:
    """Make a sensor_msgs/CompressedImage."""
    return _TYPES['sensor_msgs/msg/CompressedImage'](
        header, 'jpeg', np.frombuffer(jpeg, np.uint8))


def image_message(header: Any, encoding: str, pixels: np.ndarray[Any, Any]) -> Any:
    """Make a sensor_msgs/Image from (H, W) or (H, W, channels)."""
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).view(np.uint8).ravel()
    return _TYPES['sensor_msgs/msg/Image'](
        header, height, width, encoding, 0, data.size // height, data)


def camera_info_message(header: Any, camera: PinholeCamera) -> Any:
    """Describe a pinhole camera without distortion."""
    k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    whole = _TYPES['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return _TYPES['sensor_msgs/msg/CameraInfo'](
        header, camera.height, camera.width, 'plumb_bob', np.zeros(5), k.ravel(),
        np.eye(3).ravel(), np.c_[k, np.zeros(3)].ravel(), 0, 0, whole)
