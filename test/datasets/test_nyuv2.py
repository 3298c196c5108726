# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets import DatasetSource
from bdl_perception.datasets.base import DatasetError
from bdl_perception.datasets.nyuv2 import NyuDepthV2, scene_split
from bdl_perception.perception.data_types import IGNORE
import h5py
import numpy as np
import pytest

SCENES = [f'{room}_{number:04d}' for room in ('kitchen', 'bedroom') for number in range(200)]
TRAIN, TEST = (next(scene for scene in SCENES if scene_split(scene) == split)
               for split in ('train', 'test'))


def _write(root, scenes=(TRAIN,), images=None, depths=None):
    """Write a file as MATLAB 7.3 does: axes turned round, texts as references to uint16."""
    count = len(scenes)
    images = np.zeros((count, 3, 640, 480), np.uint8) if images is None else images
    depths = np.zeros((count, 640, 480), np.float32) if depths is None else depths
    with h5py.File(root / 'nyu_depth_v2_labeled.mat', 'w') as file:
        file['images'], file['depths'] = images, depths
        cells = file.create_dataset('scenes', (1, count), h5py.ref_dtype)
        for number, scene in enumerate(scenes):
            text = np.array([[ord(letter)] for letter in scene], np.uint16)
            cells[0, number] = file.create_dataset(f'#refs#/{number}', data=text).ref
    return root


def test_images_and_depth_stand_upright(tmp_path):
    images = np.zeros((1, 3, 640, 480), np.uint8)
    images[0, :, 600, 50] = 200, 100, 50  # column, row
    depths = np.full((1, 640, 480), 2, np.float32)
    depths[0, 600, 50] = 3.5
    sample = NyuDepthV2(_write(tmp_path, images=images, depths=depths), 'train')[0]
    assert sample.rgb.shape == (480, 640, 3)
    assert sample.rgb[50, 600].tolist() == [200, 100, 50] and sample.rgb.sum() == 350
    assert sample.depth[50, 600] == 3.5 and sample.depth[51, 600] == 2


def test_there_is_no_class_and_the_focal_length_of_the_kinect(tmp_path):
    sample = NyuDepthV2(_write(tmp_path), 'train')[0]
    assert (sample.classes == IGNORE).all() and sample.fx == 518.8579


def test_the_white_margin_has_no_depth(tmp_path):
    depths = np.ones((1, 640, 480), np.float32)
    known = np.isfinite(NyuDepthV2(_write(tmp_path, depths=depths), 'train')[0].depth)
    # the toolbox's rows 45 to 471 and columns 41 to 601, counted from 1
    assert known.sum() == 427 * 561
    assert known[44, 40] and known[470, 600] and not known[43, 40] and not known[470, 601]


def test_frames_are_those_of_the_scenes_of_the_split(tmp_path):
    images = np.zeros((4, 3, 640, 480), np.uint8)
    images += np.arange(4, dtype=np.uint8)[:, None, None, None]
    _write(tmp_path, [TRAIN, TEST, TEST, TRAIN], images)
    found = {split: NyuDepthV2(tmp_path, split) for split in ('train', 'test')}
    assert {split: [int(data[k].rgb[0, 0, 0]) for k in range(len(data))]
            for split, data in found.items()} == {'train': [0, 3], 'test': [1, 2]}
    with pytest.raises(DatasetError, match="labeled.mat has no frame of split 'val'"):
        NyuDepthV2(tmp_path, 'val')


def test_a_scene_is_a_sequence_of_frames_with_depth(tmp_path):
    depths = np.ones((3, 640, 480), np.float32)
    source = DatasetSource('nyuv2', _write(tmp_path, [TRAIN, TEST, TRAIN], depths=depths), 'train')
    assert source.sequences() == {TRAIN: [0, 1]}
    labelled, = source.labelled_frames([1])
    assert labelled.title == f'NyuDepthV2 train\n{TRAIN} 2'
    assert labelled.depth is not None and labelled.classes is None


def test_eight_of_ten_scenes_are_trained_and_the_rest_is_halved():
    shares = [sum(scene_split(scene) == split for scene in SCENES) / len(SCENES)
              for split in ('train', 'val', 'test')]
    np.testing.assert_allclose(shares, [.8, .1, .1], atol=.05)
    assert sum(shares) == 1


def test_the_parts_of_a_scene_stay_together():
    for scene in SCENES:
        assert scene_split(scene) == scene_split(f'{scene}a') == scene_split(f'{scene}bc')


def test_a_missing_or_broken_file_is_named(tmp_path):
    path = tmp_path / 'nyu_depth_v2_labeled.mat'
    with pytest.raises(DatasetError, match=f'{path} is missing'):
        NyuDepthV2(tmp_path, 'train')
    path.write_text('MATLAB 5.0 MAT-file')
    with pytest.raises(DatasetError, match=f'{path} is not an HDF5 file'):
        NyuDepthV2(tmp_path, 'train')
    with h5py.File(path, 'w') as file:
        file['images'] = 0
    with pytest.raises(DatasetError, match=f'{path} is not an HDF5 file with .*scenes'):
        NyuDepthV2(tmp_path, 'train')


@pytest.mark.parametrize('parts', [
    {'images': np.zeros((2, 3, 640, 480), np.uint8)},
    {'images': np.zeros((1, 480, 640, 3), np.uint8)},
    {'images': np.zeros((1, 3, 640, 480), np.float32)},
    {'depths': np.zeros((1, 480, 640), np.float32)},
    {'depths': np.zeros((1, 640, 480), np.uint16)}])
def test_an_array_of_another_kind_or_size_is_named(tmp_path, parts):
    name, = parts
    with pytest.raises(DatasetError, match=rf'labeled.mat: {name} is .*, must be .*\(1, '):
        NyuDepthV2(_write(tmp_path, **parts), 'train')


def test_an_unknown_split_names_the_known_ones(tmp_path):
    with pytest.raises(DatasetError, match="split is 'eval', must be one of train, val, test"):
        NyuDepthV2(tmp_path, 'eval')
