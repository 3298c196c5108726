# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Read the image files of a frame, and build a sample from them."""
from pathlib import Path
from typing import Any, Callable

from bdl_perception.datasets.base import DatasetError, TrainingSample
from bdl_perception.perception.compressed_images import decode_image
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.perception.image_decoding import ImageDecoder
import numpy as np
from numpy.typing import NDArray


def require_folder(path: Path, expected: str) -> Path:
    """Return path if it is a folder; expected: its contents, for the error."""
    if not path.is_dir():
        raise DatasetError(f'{path} is not a folder; it must contain {expected}')
    return path


def require_file(path: Path, owner: Path, kind: str) -> Path:
    """Return path if it is a file; owner: the file that needs it."""
    if not path.is_file():
        raise DatasetError(f'{owner} has no {kind}: {path} is missing')
    return path


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a colour image as (H, W, 3) uint8 RGB."""
    return _decode(path, ImageDecoder().decode_compressed)


def read_raw_image(path: Path, dtype: type[np.generic]) -> NDArray[Any]:
    """Read an image (H, W) of one channel of a given type."""
    image: NDArray[Any] = _decode(path, lambda data: decode_image(data, mosaic=True))
    if image.dtype != dtype or image.ndim != 2:
        raise DatasetError(f'{path} is {image.dtype} {image.shape}, must be '
                           f'{np.dtype(dtype).name} (H, W)')
    return image


def map_ids(ids: NDArray[np.uint8], table: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """Map the ids (H, W) of a data set to ours with a table (N,)."""
    if ids.size and ids.max() >= len(table):
        raise DatasetError(f'{path} has the label {ids.max()}, must be 0 to {len(table) - 1}')
    return table[ids]  # (H, W)


def make_sample(path: Path, rgb: NDArray[np.uint8], fx: float,
                depth: NDArray[np.float32] | None = None,
                classes: NDArray[np.uint8] | None = None,
                anomalies: NDArray[np.uint8] | None = None) -> TrainingSample:
    """Build a sample; None is unknown everywhere. path: of the frame, for errors."""
    shape = rgb.shape[:2]
    try:
        return TrainingSample(rgb, np.full(shape, np.nan, np.float32) if depth is None else depth,
                              np.full(shape, IGNORE, np.uint8) if classes is None else classes, fx,
                              anomalies=anomalies)
    except DatasetError as error:
        raise DatasetError(f'{path}: {error}') from error


def _decode(path: Path, decode: Callable[[bytes], NDArray[Any]]) -> NDArray[Any]:
    if not path.is_file():
        raise DatasetError(f'{path} is missing')
    try:
        return decode(path.read_bytes())
    except ValueError as error:
        raise DatasetError(f'{path} cannot be decoded as an image ({error}); get it again'
                           ) from error
