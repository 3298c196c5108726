# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets import open_dataset, READERS
from bdl_perception.datasets.base import DatasetError
from bdl_perception.datasets.rendered import WorldDataset
import pytest
from tiny_drives import make_tiny_drives


def test_a_world_is_opened_at_its_stored_size(tmp_path):
    root = make_tiny_drives(tmp_path, split='validation', drives=1, height=32, width=64)
    data = open_dataset('world', root, 'validation')
    assert isinstance(data, WorldDataset) and len(data) == 3
    assert data[0].rgb.shape == (32, 64, 3)


def test_options_go_to_the_reader(tmp_path):
    root = make_tiny_drives(tmp_path, drives=1, frames=4)
    assert len(open_dataset('world', root, 'train', stride=2)) == 2


@pytest.mark.parametrize('kind', ['camvid', 'cityscapes', 'kitti_depth'])
def test_validation_is_called_val_elsewhere(tmp_path, kind):
    with pytest.raises(DatasetError, match='/val is not a folder'):
        open_dataset(kind, tmp_path, 'validation')


@pytest.mark.parametrize('kind', READERS)
def test_every_kind_has_what_is_missing_in_an_empty_folder(tmp_path, kind):
    with pytest.raises(DatasetError, match=str(tmp_path)):
        open_dataset(kind, tmp_path, 'train')


def test_an_unknown_kind_names_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'kitti'.*world, camvid, kitti_depth, cityscapes, "
                                         'vkitti2, nyuv2'):
        open_dataset('kitti', tmp_path, 'train')
