# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Convert stamps, images, maps and camera geometry to and from ROS messages."""
import array
import copy

from bdl_perception.perception.camera_info import intrinsics, is_rectified
from bdl_perception.perception.data_types import Bytes, Floats, PinholeCamera
from bdl_perception.perception.point_cloud import Points
from builtin_interfaces.msg import Time
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField, RegionOfInterest
from std_msgs.msg import Header

NS_PER_S = 10**9
# PCL reads the packed bytes of `rgb` as float32, and so do those who follow it.
POINT_FIELD_TYPES = {'f4': PointField.FLOAT32, 'u4': PointField.FLOAT32, 'u1': PointField.UINT8}


def stamp_to_ns(stamp: Time) -> int:
    """Convert a stamp to ns; ValueError if it could not be converted back exactly."""
    if stamp.nanosec >= NS_PER_S:
        raise ValueError(f'stamp has {stamp.nanosec} ns after the second, must be below 10^9')
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)


def make_header(stamp_ns: int, frame_id: str) -> Header:
    """Make the header of a message that is computed from a frame; exact in every bit."""
    sec, nanosec = divmod(stamp_ns, NS_PER_S)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)


def float32_image(values: Floats, header: Header) -> Image:
    """Make a 32FC1 image from (H, W)."""
    return _image_message(values.astype('<f4', copy=False), '32FC1', 4, header)


def uint8_image(values: Bytes, header: Header) -> Image:
    """Make a mono8 image from (H, W), an rgb8 image from (H, W, 3)."""
    encoding, pixel_bytes = ('mono8', 1) if values.ndim == 2 else ('rgb8', 3)
    return _image_message(values, encoding, pixel_bytes, header)


def _image_message(values: Bytes | Floats, encoding: str, pixel_bytes: int,
                   header: Header) -> Image:
    height, width = values.shape[:2]
    return Image(header=header, height=height, width=width, encoding=encoding, is_bigendian=0,
                 step=width * pixel_bytes, data=pixel_buffer(values))


def points_message(points: Points, header: Header) -> PointCloud2:
    """Make an unorganised cloud of points (N,), with the fields of their dtype."""
    fields = [PointField(name=name, offset=field[1], count=1,
                         datatype=POINT_FIELD_TYPES[field[0].str[1:]])
              for name, field in (points.dtype.fields or {}).items()]
    step = points.dtype.itemsize
    return PointCloud2(header=header, height=1, width=len(points), fields=fields,
                       is_bigendian=False, point_step=step, row_step=step * len(points),
                       data=pixel_buffer(points.view(np.uint8)), is_dense=True)  # no NaN in x y z


def pixel_buffer(data: Bytes | Floats) -> 'array.array[int]':
    """Copy pixels into an array('B'), the only type that rclpy does not copy again."""
    out = array.array('B')
    if data.size:  # a memoryview of nothing cannot be cast
        out.frombytes(np.ascontiguousarray(data).data.cast('B'))
    return out


def compressed_topic(node: Node, image_topic: str) -> str:
    """
    Return the topic of the compressed images of a camera, resolved as image_transport does.

    The image topic is remapped first and /compressed is added then; a remapping of the whole name
    has priority.
    """
    name = f'{image_topic}/compressed'
    remapped = node.resolve_topic_name(name)
    if remapped != node.resolve_topic_name(name, only_expand=True):
        return remapped
    return f'{node.resolve_topic_name(image_topic)}/compressed'


def ignored_distortion(info: CameraInfo, image_topic: str) -> str | None:
    """Describe the lens distortion of raw images, which moves pixels; None: there is none."""
    if is_rectified(info, image_topic):
        return None
    return (f'the lens distortion ({info.distortion_model[:32]}) of {image_topic} is ignored: use '
            f'the rectified images for an exact geometry')


def rescaled_camera_info(info: CameraInfo, camera: PinholeCamera, header: Header,
                         rectified: bool = False) -> CameraInfo:
    """
    Make the camera_info of maps that were cropped and resized from the images of info.

    camera: geometry of the maps. The change of pixel coordinates to it, u' = a u + b, is applied
    to K and P; R and D do not depend on pixels and stay the same. A K, R or P of zeros is
    completed: K and P from each other, R as the identity.
    """
    fx, fy, cx, cy = intrinsics(info, rectified)
    k = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    a_x, a_y = camera.fx / fx, camera.fy / fy
    change = np.array([  # (3, 3) old homogeneous pixel -> new
        [a_x, 0, camera.cx - a_x * cx], [0, a_y, camera.cy - a_y * cy], [0, 0, 1]])
    out = copy.copy(info)
    out.header, out.width, out.height = header, camera.width, camera.height
    out.k = (change @ (np.reshape(info.k, (3, 3)) if info.k[0] else k)).ravel()
    out.p = (change @ (np.reshape(info.p, (3, 4)) if info.p[0] else
                       np.c_[k, np.zeros(3)])).ravel()
    out.r = info.r if any(info.r) else np.eye(3).ravel()
    out.roi, out.binning_x, out.binning_y = RegionOfInterest(), 0, 0
    return out


def uncalibrated_camera_info(width: int, height: int, header: Header) -> CameraInfo:
    """Make the camera_info of an uncalibrated camera: all matrices are zero."""
    return CameraInfo(header=header, width=width, height=height)


def camera_info_message(camera: PinholeCamera, header: Header) -> CameraInfo:
    """Make the camera_info of a camera without distortion."""
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return CameraInfo(header=header, width=camera.width, height=camera.height, k=k, p=p,
                      r=np.eye(3).ravel(), d=[0.0] * 5, distortion_model='plumb_bob')
