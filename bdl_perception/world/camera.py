# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The camera: pose, pinhole projection, and the imperfections of lens and sensor."""
from dataclasses import asdict, dataclass

from bdl_perception.world.shapes import Floats
from bdl_perception.world.versions import CameraRanges
import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.float32]
NEAR_M, FAR_M = .3, 400.
MOTION_STEPS = 7  # images that a motion blur averages


@dataclass(frozen=True)
class Pinhole:
    """Intrinsics in pixels; the centre of the top left pixel is (0, 0), as in CameraInfo."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        """Check the size and the focal lengths."""
        if min(self.width, self.height) < 8 or min(self.fx, self.fy) <= 0:
            raise ValueError(f'{self} is no camera: sides of at least 8 pixels and positive '
                             f'focal lengths are needed')

    @classmethod
    def from_fov(cls, width: int, height: int, horizontal_fov_rad: float) -> 'Pinhole':
        """Build a camera with square pixels whose axis meets the centre of the image."""
        focal = width / 2 / np.tan(horizontal_fov_rad / 2)
        return cls(width, height, float(focal), float(focal), (width - 1) / 2, (height - 1) / 2)

    def intrinsics(self) -> dict[str, float]:
        """Return fx, fy, cx, cy."""
        return {name: value for name, value in asdict(self).items() if len(name) == 2}

    def projection_matrix(self) -> Floats:
        """Return the clip matrix of OpenGL, (4, 4), for a camera that faces -z, y up."""
        left, top = self.cx + .5, self.cy + .5  # corner of the image to the axis, pixels
        return np.array([
            [2 * self.fx / self.width, 0, 1 - 2 * left / self.width, 0],
            [0, 2 * self.fy / self.height, 2 * top / self.height - 1, 0],
            [0, 0, (FAR_M + NEAR_M) / (NEAR_M - FAR_M), 2 * FAR_M * NEAR_M / (NEAR_M - FAR_M)],
            [0, 0, -1, 0]])


@dataclass(frozen=True)
class CameraPose:
    """The position of the camera and its three axes, unit vectors in the world."""

    eye: Floats  # (3,) m
    forward: Floats
    right: Floats
    up: Floats

    @classmethod
    def from_angles(cls, eye: ArrayLike, yaw_rad: float, pitch_rad: float,
                    roll_rad: float = 0.) -> 'CameraPose':
        """Build from yaw (left positive), pitch (down positive), roll (clockwise positive)."""
        forward = np.array([np.cos(yaw_rad) * np.cos(pitch_rad),
                            np.sin(yaw_rad) * np.cos(pitch_rad), -np.sin(pitch_rad)])
        level_right = np.array([np.sin(yaw_rad), -np.cos(yaw_rad), 0])
        level_up = np.cross(level_right, forward)
        c, s = np.cos(roll_rad), np.sin(roll_rad)
        return cls(np.asarray(eye, float), forward, c * level_right - s * level_up,
                   s * level_right + c * level_up)

    def view_matrix(self) -> Floats:
        """Return world to camera, (4, 4), for a camera that faces -z, y up."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.right, self.up, -self.forward
        matrix[:3, 3] = -matrix[:3, :3] @ self.eye
        return matrix


@dataclass(frozen=True)
class CameraMount:
    """The pose of the camera on the car, and its field of view."""

    height_m: float
    pitch_rad: float
    roll_rad: float
    horizontal_fov_rad: float


@dataclass(frozen=True)
class CameraSensor:
    """Mild imperfections of lens, sensor and compression."""

    gain: float  # exposure, 1 is neutral
    white_balance: tuple[float, float, float]
    blur_px: float  # sigma at a width of 320
    read_noise: float  # sd in 8-bit steps
    shot_noise: float  # sd at full scale, in 8-bit steps
    vignette: float  # share of light lost in the corners
    jpeg_quality: int
    shutter_s: float = 0.  # time of exposure

    def simulate(self, rgb: Image, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Turn a clean image (H, W, 3) of 0..255 into the one that the camera stores."""
        height, width = rgb.shape[:2]
        light = rgb * vignette_gain(height, width, self.vignette)[..., None]
        light = light * np.asarray(self.white_balance, np.float32)
        sharp = self.blur_px <= .1
        blurred = light if sharp else cv2.GaussianBlur(light, (0, 0), self.blur_px * width / 320)
        spread = self.read_noise + self.shot_noise * np.sqrt(np.clip(blurred, 0, 255) / 255)
        noisy = blurred + spread * rng.standard_normal(rgb.shape, np.float32)
        stored = (np.clip(noisy, 0, 255) + .5).astype(np.uint8)
        return jpeg_roundtrip(stored, self.jpeg_quality)


def blur_by_motion(rgb: Image, depth: Image, pinhole: Pinhole, forward_m: float,
                   shake_px: tuple[float, float]) -> Image:
    """
    Blur what passes while the shutter is open; the image is that of the middle of the time.

    forward_m: distance that the camera drives in that time; a pixel moves away from the point
    ahead by forward_m / depth of its distance to it. shake_px: displacement of the whole image.
    """
    y, x = np.mgrid[0:pinhole.height, 0:pinhole.width].astype(np.float32)
    share = np.clip(forward_m / depth, 0, .2)
    shift_x = (x - np.float32(pinhole.cx)) * share + np.float32(shake_px[0])
    shift_y = (y - np.float32(pinhole.cy)) * share + np.float32(shake_px[1])
    if max(np.abs(shift_x).max(), np.abs(shift_y).max()) < .5:
        return rgb
    total = np.zeros_like(rgb)
    for step in np.linspace(-.5, .5, MOTION_STEPS, dtype=np.float32):
        total += cv2.remap(rgb, x + step * shift_x, y + step * shift_y, cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(total / MOTION_STEPS, np.float32)


def vignette_gain(height: int, width: int, loss: float) -> Image:
    """Return the fall-off towards the corners, (H, W), 1 at the centre."""
    y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
    return np.asarray(1 - loss * (x ** 2 + y ** 2) / 2, np.float32)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """Encode an image (H, W, 3) as JPEG."""
    ok, data = cv2.imencode('.jpg', rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise RuntimeError(f'OpenCV could not encode an image of shape {rgb.shape} as JPEG')
    return data.tobytes()


def jpeg_roundtrip(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Encode and decode as JPEG."""
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(rgb, quality), np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(decoded, np.uint8)[..., ::-1])


def draw_mount(rng: np.random.Generator, ranges: CameraRanges) -> CameraMount:
    """Draw a nominal mount: nearly level."""
    return CameraMount(height_m=rng.uniform(*ranges.height_m),
                       pitch_rad=rng.normal(*ranges.pitch_rad),
                       roll_rad=rng.normal(0, ranges.roll_sd_rad),
                       horizontal_fov_rad=np.radians(rng.uniform(*ranges.fov_deg)))


def draw_unseen_mount(rng: np.random.Generator) -> CameraMount:
    """Draw a mount of no nominal drive: on a high roof or near the ground, and rolled."""
    high = rng.random() < .6
    height_m = rng.uniform(2.8, 3.6) if high else rng.uniform(.35, .55)
    pitch_deg = rng.uniform(16, 26) if high else rng.uniform(-14, -7)
    roll_deg = rng.choice((-1, 1)) * rng.uniform(9, 20)
    return CameraMount(height_m, np.radians(pitch_deg), np.radians(roll_deg),
                       np.radians(rng.uniform(55, 85)))


def draw_sensor(rng: np.random.Generator, ranges: CameraRanges) -> CameraSensor:
    """Draw the imperfections of a nominal camera."""
    red, blue = rng.normal(1, ranges.white_balance_sd, 2)
    return CameraSensor(
        gain=float(np.exp(rng.normal(0, ranges.exposure_sd))), white_balance=(red, 1., blue),
        blur_px=rng.uniform(*ranges.blur_px), read_noise=rng.uniform(*ranges.read_noise),
        shot_noise=rng.uniform(*ranges.shot_noise), vignette=rng.uniform(*ranges.vignette),
        jpeg_quality=int(rng.integers(*ranges.jpeg_quality)),
        shutter_s=rng.uniform(*ranges.shutter_s))
