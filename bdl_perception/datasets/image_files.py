# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What every reader does: read the pictures of a frame, and put a sample together from them."""
from pathlib import Path
from typing import Any

from bdl_perception.datasets.base import DatasetError, Sample
from bdl_perception.perception.types import IGNORE
import cv2
import numpy as np
from numpy.typing import NDArray


def require_folder(path: Path, expected: str) -> Path:
    """Give path back if it is a folder; what: what should be in it, for the error."""
    if not path.is_dir():
        raise DatasetError(f'{path} is no folder; it should hold {expected}')
    return path


def require_file(path: Path, owner: Path, kind: str) -> Path:
    """Give path back if it is a file; owner: the file that is of no use without it."""
    if not path.is_file():
        raise DatasetError(f'{owner} has no {kind}: {path} is missing')
    return path


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a colour picture (H, W, 3) rgb."""
    picture = _read(path, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def read_raw_image(path: Path, dtype: type[np.generic]) -> NDArray[Any]:
    """Read a picture (H, W) whose pixels are numbers of a given type, not colours."""
    picture = _read(path, cv2.IMREAD_UNCHANGED)
    if picture.dtype != dtype or picture.ndim != 2:
        raise DatasetError(f'{path} is {picture.dtype} {picture.shape}, must be '
                           f'{np.dtype(dtype).name} (H, W)')
    return picture


def map_ids(ids: NDArray[np.uint8], table: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """Turn a set's ids (H, W) into ours with a table (N,) from one to the other."""
    if ids.size and ids.max() >= len(table):
        raise DatasetError(f'{path} holds the label {ids.max()}, but this set has only '
                           f'0 to {len(table) - 1}')
    return table[ids]  # (H, W)


def make_sample(path: Path, rgb: NDArray[np.uint8], fx: float,
                depth: NDArray[np.float32] | None = None,
                classes: NDArray[np.uint8] | None = None) -> Sample:
    """Put a sample together; what is None is unknown everywhere. path: whose it is, for errors."""
    shape = rgb.shape[:2]
    try:
        return Sample(rgb, np.full(shape, np.nan, np.float32) if depth is None else depth,
                      np.full(shape, IGNORE, np.uint8) if classes is None else classes, fx)
    except DatasetError as error:
        raise DatasetError(f'{path}: {error}') from error


def _read(path: Path, flags: int) -> NDArray[Any]:
    if not path.is_file():
        raise DatasetError(f'{path} is missing')
    picture: NDArray[Any] | None = cv2.imread(str(path), flags)
    if picture is None:
        raise DatasetError(f'{path} is no picture that can be read; get it again')
    return picture
