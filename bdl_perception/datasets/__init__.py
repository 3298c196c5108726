# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The data sets by name; a reader is imported when its set is opened, not before.

A new one is a file with a class that satisfies Dataset, and a line here.
"""
from importlib import import_module
from pathlib import Path
from typing import Any, cast, Mapping, NamedTuple

from bdl_perception.datasets.base import Dataset


class Reader(NamedTuple):
    """Where a set's reader is; validation: what the set itself calls that split."""

    module: str
    class_name: str
    validation_split: str = 'val'


READERS: Mapping[str, Reader] = {
    'world': Reader('rendered', 'WorldDataset', 'validation'),
    'camvid': Reader('camvid', 'CamVid'),
    'kitti_depth': Reader('kitti_depth', 'KittiDepth'),
    'cityscapes': Reader('cityscapes', 'Cityscapes'),
    'vkitti2': Reader('vkitti2', 'VirtualKitti2'),
    'nyuv2': Reader('nyuv2', 'NyuDepthV2'),
}


def open_dataset(kind: str, root: Path, split: str, **options: Any) -> Dataset:
    """
    Open the data set of this kind in a folder, its samples at the size they are stored in.

    split: train, validation or test, or what the set calls it. options: what else its reader
    takes. DatasetError: it is not there or not whole; ValueError: no such kind.
    """
    if kind not in READERS:
        raise ValueError(f'data set is {kind!r}, must be one of {", ".join(READERS)}')
    reader = READERS[kind]
    module = import_module(f'bdl_perception.datasets.{reader.module}')
    own_split = reader.validation_split if split == 'validation' else split
    return cast(Dataset, getattr(module, reader.class_name)(root, own_split, **options))
