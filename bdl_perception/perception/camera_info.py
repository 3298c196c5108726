# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The camera of an image, from a camera_info of ROS 1 or ROS 2: live, or of a bag.

A camera_info that is impossible, or that is not of the image, never costs the frame: its scale is
unknown then, and the reason is given.
"""
import re
from typing import Any, NamedTuple

from bdl_perception.perception.data_types import check_field_of_view, PinholeCamera

UNKNOWN_SCALE = 'the scale of depth is unknown'
MAX_PIXEL_ASPECT = 4.  # of fx and fy, whichever is larger; a field of interlaced video has 2


class MatchedCamera(NamedTuple):
    """The camera of an image of known scale, or why the scale is unknown."""

    camera: PinholeCamera | None = None
    fault: str | None = None  # a camera_info that contradicts the image or itself
    warning: str | None = None  # there is no camera_info, or the camera is not calibrated


def match_camera(info: Any, width: int, height: int, rectified: bool) -> MatchedCamera:
    """Find the camera of an image of width x height px in a camera_info; None: there is none."""
    if info is None:
        return MatchedCamera(warning=f'no camera_info was received: {UNKNOWN_SCALE}')
    try:
        camera = camera_from_info(info, rectified)
        if camera is None:
            return MatchedCamera(
                warning=f'camera_info has no focal length: {UNKNOWN_SCALE}')
        if (camera.width, camera.height) != (width, height):
            raise ValueError(f'camera_info is for {camera.width}x{camera.height} px, but the '
                             f'image is {width}x{height} px')
        fx, fy, cx, cy = intrinsics(info, rectified)
        check_field_of_view(fx, info.width)
        if max(fx / fy, fy / fx) > MAX_PIXEL_ASPECT:
            raise ValueError(f'camera_info has focal lengths of {fx:.4g} and {fy:.4g} px, which '
                             f'differ by more than a factor of {MAX_PIXEL_ASPECT:g}')
        if not (_is_near(cx, int(info.width)) and _is_near(cy, int(info.height))):
            raise ValueError(f'camera_info has a principal point of ({cx:.4g}, {cy:.4g}) px, '
                             f'outside of {info.width}x{info.height} px by more than that size')
    except ValueError as error:
        return MatchedCamera(fault=f'{error}: {UNKNOWN_SCALE}')
    return MatchedCamera(camera)


def _is_near(centre: float, size: int) -> bool:
    """Return whether a coordinate is in the image of size px, or outside by at most its size."""
    return -size <= centre <= 2 * size


def is_rectified(info: Any, image_topic: str) -> bool:
    """
    Return whether images are rectified: no distortion, or `rect` in the name of their topic.

    Their geometry is P of camera_info, which they share with the raw images; that of raw images
    is K (sensor_msgs/CameraInfo).
    """
    return not any(_field(info, 'd')) or bool(re.search(r'(^|[/_])rect([/_]|$)', image_topic))


def intrinsics(info: Any, rectified: bool) -> tuple[float, float, float, float]:
    """
    Return fx, fy, cx and cy of P of rectified images, else of K; of the other one if zero.

    A P that is not a positive number is returned as it is, unless K is the same camera: without
    distortion.
    """
    k, p = _field(info, 'k'), _field(info, 'p')
    usable = p[0] > 0 or any(_field(info, 'd'))
    if p[0] != 0 and usable and (rectified or k[0] == 0):
        return float(p[0]), float(p[5]), float(p[2]), float(p[6])
    return float(k[0]), float(k[4]), float(k[2]), float(k[5])


def camera_from_info(info: Any, rectified: bool = False) -> PinholeCamera | None:
    """
    Read the camera geometry of the images that belong to a camera_info.

    K and P hold for the full sensor: region of interest and binning are applied to them, as
    defined by sensor_msgs/CameraInfo. None: the camera is not calibrated (fx = 0). The distortion
    of raw images is ignored: it moves pixels, but hardly changes depth. ValueError: impossible.
    """
    fx, fy, cx, cy = intrinsics(info, rectified)
    if fx == 0:
        return None
    roi, bin_x, bin_y = info.roi, max(info.binning_x, 1), max(info.binning_y, 1)
    try:
        return PinholeCamera(
            width=int(roi.width or info.width) // int(bin_x),
            height=int(roi.height or info.height) // int(bin_y),
            fx=fx / bin_x, fy=fy / bin_y,
            cx=(cx - roi.x_offset) / bin_x, cy=(cy - roi.y_offset) / bin_y)
    except ValueError as error:
        raise ValueError(f'camera_info cannot be used, {error}') from error


def _field(info: Any, name: str) -> Any:
    """Read K, P or D; ROS 1 writes them in capitals."""
    return getattr(info, name if hasattr(info, name) else name.upper())
