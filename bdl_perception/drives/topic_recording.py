# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Write the topics of the nodes to a rosbag2 folder with an .mcap; ROS is not needed."""
from pathlib import Path
import struct
from types import TracebackType
from typing import Any, Sequence

from bdl_perception import topics
from bdl_perception.drives.bag_writer import (
    camera_info_message,
    header_message,
    image_message,
    jpeg_message,
)
from bdl_perception.perception.data_types import Bytes, Floats, PinholeCamera
from bdl_perception.perception.diagnostic import Diagnostic
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

JPEG_TYPE = 'sensor_msgs/msg/CompressedImage'
CAMERA_TOPIC, CAMERA_INFO_TOPIC = '/image/compressed', '/camera_info'
MAP_TOPICS = (topics.DEPTH, topics.DEPTH_INFO, topics.SEGMENTATION_INFO, topics.ALEATORIC,
              topics.CLASSES, topics.ENTROPY, topics.ENERGY, topics.OVERLAY, topics.EPISTEMIC,
              topics.MUTUAL_INFORMATION)  # each has 60 to 250 kB, so some frames are left out
SCALAR_TOPICS = (topics.SCORES, topics.STATUS, topics.ALERT_TOPIC, topics.DIAGNOSTICS_TOPIC)
_STORE = get_typestore(Stores.ROS2_JAZZY)
_TYPES = _STORE.types


class TopicRecorder:
    """Appends messages to a new bag; names without a slash are put into the root namespace."""

    def __init__(self, folder: Path) -> None:
        """Create the bag; it can be read after close(). OSError: the folder exists."""
        if folder.exists():
            raise FileExistsError(f'{folder} exists; remove it or name another folder')
        self._writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        self._connections: dict[str, Any] = {}

    def __enter__(self) -> 'TopicRecorder':
        """Return the recorder."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Finish the bag, also after an error."""
        self.close()

    def write_serialized(self, topic: str, kind: str, time_ns: int, data: bytes) -> None:
        """Append a message in CDR, the form in which ROS 2 sends it."""
        name = topic if topic.startswith('/') else f'/{topic}'
        if name not in self._connections:
            self._connections[name] = self._writer.add_connection(name, kind, typestore=_STORE)
        self._writer.write(self._connections[name], time_ns, data)

    def write_map(self, topic: str, stamp_ns: int, frame_id: str, values: Floats | Bytes) -> None:
        """Append a map: 32FC1 or mono8 of (H, W), rgb8 of (H, W, 3)."""
        encoding = 'rgb8' if values.ndim == 3 else (
            'mono8' if values.dtype == np.uint8 else '32FC1')
        plain = values if values.dtype == np.uint8 else values.astype('<f4', copy=False)
        message = image_message(header_message(stamp_ns, frame_id), encoding, plain)
        self._write(topic, topics.IMAGE_TYPE, stamp_ns, message)

    def write_jpeg(self, topic: str, stamp_ns: int, frame_id: str, jpeg: bytes) -> None:
        """Append a compressed image."""
        self._write(topic, JPEG_TYPE, stamp_ns,
                    jpeg_message(header_message(stamp_ns, frame_id), jpeg))

    def write_camera_info(self, topic: str, stamp_ns: int, frame_id: str,
                          camera: PinholeCamera) -> None:
        """Append the geometry of an image without distortion."""
        self._write(topic, topics.CAMERA_INFO_TYPE, stamp_ns,
                    camera_info_message(header_message(stamp_ns, frame_id), camera))

    def write_diagnostics(self, topic: str, stamp_ns: int, frame_id: str,
                          items: Sequence[Diagnostic]) -> None:
        """Append scores, a status or an alert."""
        pair, status = (_TYPES[f'diagnostic_msgs/msg/{name}']
                        for name in ('KeyValue', 'DiagnosticStatus'))
        listed = [status(one.level, one.name, one.message, one.hardware_id,
                         [pair(key, text) for key, text in one.values]) for one in items]
        message = _TYPES[topics.DIAGNOSTICS_TYPE](header_message(stamp_ns, frame_id), listed)
        self._write(topic, topics.DIAGNOSTICS_TYPE, stamp_ns, message)

    def close(self) -> None:
        """Finish the bag."""
        self._writer.close()

    def _write(self, topic: str, kind: str, stamp_ns: int, message: Any) -> None:
        self.write_serialized(topic, kind, stamp_ns, bytes(_STORE.serialize_cdr(message, kind)))


class MapThinning:
    """Chooses the frames whose maps are recorded: the first one of each period."""

    def __init__(self, maps_hz: float) -> None:
        """maps_hz: periods per second of the stamps; 0: every frame."""
        self._period_ns = round(1e9 / maps_hz) if maps_hz else 0
        self._period: int | None = None

    def due(self, stamp_ns: int) -> bool:
        """Return whether a stamp is chosen: its period is not that of the last one."""
        if not self._period_ns:
            return True
        before, self._period = self._period, stamp_ns // self._period_ns
        return before != self._period


def header_stamp_ns(data: bytes) -> int:
    """
    Read the stamp of a serialized message that begins with a header, without the rest.

    CDR has four bytes of encapsulation before it, whose second one is 1 in little endian.
    """
    sec, nanosec = struct.unpack_from('<iI' if data[1] & 1 else '>iI', data, 4)
    return int(sec) * 10**9 + int(nanosec)


def join_bags(parts: Sequence[Path], folder: Path) -> None:
    """Write the messages of bags, in their order, to a new one; a single bag is renamed."""
    if len(parts) == 1:
        parts[0].rename(folder)
        return
    with TopicRecorder(folder) as recorder:
        for part in parts:
            with Reader(part) as reader:
                for connection, time_ns, data in reader.messages():
                    recorder.write_serialized(connection.topic, connection.msgtype, time_ns, data)
