# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import shutil

from bdl_perception.datasets import DatasetSource
from bdl_perception.datasets.base import DatasetError
from bdl_perception.datasets.cityscapes import Cityscapes
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import cv2
import numpy as np
import pytest

LABELS = np.uint8([[7, 8, 11, 1], [26, 23, 4, 33]])
DISPARITIES = np.uint16([[0, 1, 257, 2561], [12801, 0, 513, 5121]])
CAMERA = {'extrinsic': {'baseline': .2, 'pitch': .03}, 'intrinsic': {'fx': 2000., 'u0': 1096.}}
FRAME = 'aachen_000000_000019'
PARTS = {'gtFine': '_gtFine_labelIds.png', 'disparity': '_disparity.png',
         'camera': '_camera.json'}
IDS = {  # as in the labels.py of the authors' scripts
    0: None, 1: None, 2: None, 3: None, 4: None, 5: None, 6: None, 7: 'road', 8: 'pavement',
    9: None, 10: None, 11: 'building', 12: 'building', 13: 'fence', 14: 'fence', 15: 'building',
    16: 'building', 17: 'pole', 18: 'pole', 19: 'sign_symbol', 20: 'sign_symbol', 21: 'tree',
    22: 'tree', 23: 'sky', 24: 'pedestrian', 25: 'bicyclist', 26: 'car', 27: 'car', 28: 'car',
    29: 'car', 30: 'car', 31: 'car', 32: 'bicyclist', 33: 'bicyclist'}


def _path(root, folder, frame=FRAME, split='train'):
    ending = PARTS.get(folder, f'_{folder}.png')
    return root / folder / split / frame.split('_')[0] / (frame + ending)


def _write(root, frame=FRAME, split='train', labels=LABELS):
    for folder in ('leftImg8bit', *PARTS):
        _path(root, folder, frame, split).parent.mkdir(parents=True, exist_ok=True)
    rgb = np.full((*labels.shape, 3), (200, 20, 10), np.uint8)
    cv2.imwrite(str(_path(root, 'leftImg8bit', frame, split)), rgb[..., ::-1])
    cv2.imwrite(str(_path(root, 'gtFine', frame, split)), labels)
    cv2.imwrite(str(_path(root, 'disparity', frame, split)),
                np.resize(DISPARITIES, labels.shape))
    _path(root, 'camera', frame, split).write_text(json.dumps(CAMERA))


@pytest.fixture
def root(tmp_path):
    _write(tmp_path)
    return tmp_path


def test_every_city_of_the_split_is_there(root):
    _write(root, 'bochum_000000_000313')
    _write(root, 'frankfurt_000000_000294', 'val')
    assert [path.name for path in Cityscapes(root, 'train').paths] == [
        'aachen_000000_000019_leftImg8bit.png', 'bochum_000000_000313_leftImg8bit.png']
    assert len(Cityscapes(root, 'val')) == 1


def test_a_city_is_a_sequence_of_labelled_frames(root):
    _write(root, 'bochum_000000_000313')
    source = DatasetSource('cityscapes', root, 'train')
    assert source.sequences() == {'aachen': [0], 'bochum': [1]}
    labelled, = source.labelled_frames([1])
    assert labelled.title == 'Cityscapes train\nbochum_000000_000313'
    assert labelled.depth is not None and labelled.classes is not None
    assert labelled.frame.camera is not None and labelled.frame.camera.fx == 2000


def test_a_frame_has_colours_classes_and_its_camera(root):
    sample = Cityscapes(root, 'train')[0]
    assert sample.rgb[1, 2].tolist() == [200, 20, 10] and sample.fx == 2000
    np.testing.assert_array_equal(sample.classes, [[3, 4, 1, IGNORE], [8, 0, IGNORE, 10]])


def test_every_id_has_the_class_of_its_name(root):
    _write(root, labels=np.uint8([[*IDS]]))
    found = Cityscapes(root, 'train')[0].classes[0]
    assert [None if one == IGNORE else CLASS_NAMES[one] for one in found] == [*IDS.values()]


def test_disparity_becomes_metres(root):
    # .2 m * 2000 px = 400 m px: 1 px is 400 m, 50 px are 8 m, 2 px are 200 m, 20 px are 20 m
    depth = Cityscapes(root, 'train')[0].depth
    np.testing.assert_allclose(
        depth, [[np.nan, np.inf, 400, np.nan], [8, np.nan, 200, 20]], rtol=1e-6)
    assert depth.dtype == np.float32


@pytest.mark.parametrize(('label', 'known'), [(1, False), (2, False), (3, False), (4, True)])
def test_there_is_no_depth_on_the_own_car_and_outside_the_image(root, label, known):
    _write(root, labels=np.full((2, 4), label, np.uint8))
    assert np.isfinite(Cityscapes(root, 'train')[0].depth).any() == known


def test_without_disparity_there_is_no_depth_but_a_focal_length(root):
    shutil.rmtree(root / 'disparity')
    sample = Cityscapes(root, 'train')[0]
    assert np.isnan(sample.depth).all() and sample.fx == 2000


def test_without_cameras_the_focal_length_is_the_usual_one(root):
    shutil.rmtree(root / 'disparity')
    shutil.rmtree(root / 'camera')
    assert Cityscapes(root, 'train')[0].fx == 2262.52
    assert Cityscapes(root, 'train', fx=1000.)[0].fx == 1000


def test_disparity_without_cameras_is_refused(root):
    shutil.rmtree(root / 'camera')
    with pytest.raises(DatasetError, match='camera/train is missing; the disparity needs'):
        Cityscapes(root, 'train')


@pytest.mark.parametrize('part', PARTS)
def test_a_single_frame_without_a_part_is_an_error(root, part):
    _write(root, 'aachen_000001_000019')
    path = _path(root, part)
    path.unlink()
    with pytest.raises(DatasetError, match=f'{FRAME}_leftImg8bit.png has no .*{path} is missing'):
        Cityscapes(root, 'train')


def test_a_missing_or_empty_split_is_named(root):
    with pytest.raises(DatasetError, match='leftImg8bit/val is not a folder'):
        Cityscapes(root, 'val')
    (root / 'leftImg8bit' / 'val' / 'ulm').mkdir(parents=True)
    with pytest.raises(DatasetError, match='leftImg8bit/val has no image'):
        Cityscapes(root, 'val')


@pytest.mark.parametrize(('folder', 'image', 'reported'), [
    ('gtFine', LABELS.astype(np.uint16), 'must be uint8'),
    ('gtFine', np.full((2, 4), 34, np.uint8), 'has the label 34.*must be 0 to 33'),
    ('gtFine', LABELS[:1], r'is \(2, 4\).*is \(1, 4\)'),
    ('disparity', DISPARITIES.astype(np.uint8), 'must be uint16'),
    ('leftImg8bit', np.zeros((2, 3, 3), np.uint8), r'rgb is \(2, 3\)')])
def test_a_part_of_another_kind_or_size_is_named(root, folder, image, reported):
    cv2.imwrite(str(_path(root, folder)), image)
    with pytest.raises(DatasetError, match=f'{FRAME}.*{reported}'):
        Cityscapes(root, 'train')[0]


@pytest.mark.parametrize('text', ['', '[]', '{"intrinsic": {"fx": 2000}}',
                                  '{"intrinsic": {"fx": "?"}, "extrinsic": {"baseline": 1}}'])
def test_a_broken_camera_file_is_named(root, text):
    _path(root, 'camera').write_text(text)
    with pytest.raises(DatasetError, match=f'{FRAME}_camera.json has no intrinsic.fx'):
        Cityscapes(root, 'train')[0]
