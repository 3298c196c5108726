# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets import DatasetSource
from bdl_perception.datasets.base import DatasetError
from bdl_perception.datasets.vkitti2 import VirtualKitti2
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import cv2
import numpy as np
import pytest

TABLE = """Category r g b
Terrain 210 0 200
Sky 90 200 255
Tree 0 199 0
Vegetation 90 240 0
Building 140 140 140
Road 100 60 100
GuardRail 250 100 255
TrafficSign 255 255 0
TrafficLight 200 200 0
Pole 255 130 0
Misc 80 80 80
Truck 160 60 60
Car 255 127 80
Van 0 139 139
Undefined 0 0 0
"""
COLOURS = np.uint8([[int(word) for word in line.split()[1:]]
                    for line in TABLE.splitlines()[1:]])[None]  # (1, 15, 3)
CLASSES = ['tree', 'sky', 'tree', 'tree', 'building', 'road', 'fence', 'sign_symbol',
           'sign_symbol', 'pole', None, 'car', 'car', 'car', None]
DEPTHS = np.uint16([[*range(100, 1500, 100), 65535]])
INTRINSIC = """frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]
0 0 725.0087 725.0087 620.5 187
0 1 700 725.0087 620.5 187
1 0 726 725.0087 620.5 187
"""


def _path(root, part, scene='Scene01', variation='clone', camera=0, number=0):
    name = {'rgb': f'rgb_{number:05d}.jpg', 'depth': f'depth_{number:05d}.png',
            'classSegmentation': f'classgt_{number:05d}.png'}[part]
    return root / scene / variation / 'frames' / part / f'Camera_{camera}' / name


def _write(root, *place, grey=100):
    images = {'rgb': np.full((1, 15, 3), grey, np.uint8), 'depth': DEPTHS,
              'classSegmentation': COLOURS[..., ::-1]}
    for part, image in images.items():
        path = _path(root, part, *place)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    folder = path.parent.parent.parent.parent
    (folder / 'colors.txt').write_text(TABLE)
    (folder / 'intrinsic.txt').write_text(INTRINSIC)


@pytest.fixture
def root(tmp_path):
    _write(tmp_path)
    for scene in ('Scene02', 'Scene20'):
        (tmp_path / scene).mkdir()
    return tmp_path


def _greys(data):
    return [round(float(data[k].rgb.mean())) for k in range(len(data))]


def test_depth_is_in_centimetres_and_the_sky_infinite(root):
    np.testing.assert_array_equal(VirtualKitti2(root, 'train')[0].depth,
                                  np.float32([[*range(1, 15), np.inf]]))


def test_colours_become_the_class_of_their_category(root):
    found = VirtualKitti2(root, 'train')[0].classes[0]
    assert [None if one == IGNORE else CLASS_NAMES[one] for one in found] == CLASSES


def test_the_colours_are_those_of_the_table_beside_the_frames(root):
    table = TABLE.replace('Road 100 60 100', 'Road 210 0 200').replace('Terrain 210 0 200\n',
                                                                       'Misc 100 60 100\n')
    (root / 'Scene01' / 'clone' / 'colors.txt').write_text(table)
    found = VirtualKitti2(root, 'train')[0].classes[0]
    assert found[0] == CLASS_NAMES.index('road') and found[5] == IGNORE


def test_each_frame_and_camera_has_its_focal_length(root):
    _write(root, 'Scene01', 'clone', 0, 1)
    _write(root, 'Scene01', 'clone', 1, 0)
    data = VirtualKitti2(root, 'train', cameras=[0, 1])
    assert [data[k].fx for k in range(len(data))] == [725.0087, 726, 700]


def test_scenes_and_variations_follow_each_other(root):
    _write(root, 'Scene20', 'fog', grey=50)
    _write(root, 'Scene01', '30-deg-left', grey=150)
    _write(root, 'Scene06', 'clone', grey=200)
    assert _greys(VirtualKitti2(root, 'train')) == [150, 100, 50]
    assert _greys(VirtualKitti2(root, 'val')) == [200]


def test_a_variation_is_a_sequence_of_labelled_frames(root):
    _write(root, 'Scene20', 'fog', grey=50)
    source = DatasetSource('vkitti2', root, 'train')
    assert source.sequences() == {'Scene01_clone_Camera_0': [0], 'Scene20_fog_Camera_0': [1]}
    labelled, = source.labelled_frames([1])
    assert labelled.title == 'VirtualKitti2 train\nScene20_fog_Camera_0 00000'
    assert labelled.depth is not None and labelled.classes is not None


def test_variations_can_be_chosen_but_must_be_in_every_scene(root):
    for scene in ('Scene01', 'Scene02', 'Scene20'):
        _write(root, scene, 'fog', grey=50)
    assert _greys(VirtualKitti2(root, 'train', variations=['fog'])) == [50] * 3
    with pytest.raises(DatasetError, match='Scene02/clone is not a folder'):
        VirtualKitti2(root, 'train', variations=['clone'])


def test_a_missing_split_scene_or_frame_is_named(root):
    with pytest.raises(DatasetError, match="split is 'eval', must be one of train, val, test"):
        VirtualKitti2(root, 'eval')
    with pytest.raises(DatasetError, match='Scene18 is not a folder'):
        VirtualKitti2(root, 'test')
    (root / 'Scene18' / 'clone' / 'frames').mkdir(parents=True)
    for name, text in (('colors.txt', TABLE), ('intrinsic.txt', INTRINSIC)):
        (root / 'Scene18' / 'clone' / name).write_text(text)
    with pytest.raises(DatasetError, match='has no frame of Scene18'):
        VirtualKitti2(root, 'test')


@pytest.mark.parametrize(('part', 'reported'), [
    ('depth', 'depth'), ('classSegmentation', 'label')])
def test_a_frame_without_a_part_is_an_error(root, part, reported):
    path = _path(root, part)
    path.unlink()
    with pytest.raises(DatasetError, match=f'rgb_00000.jpg has no {reported}: {path} is missing'):
        VirtualKitti2(root, 'train')


def test_a_frame_without_focal_length_is_an_error(root):
    _write(root, 'Scene01', 'clone', 0, 2)
    with pytest.raises(DatasetError, match='intrinsic.txt has no line for frame 2 of camera 0'):
        VirtualKitti2(root, 'train')


@pytest.mark.parametrize(('name', 'text'), [
    ('colors.txt', None), ('colors.txt', 'Category r g b\nRoad 1 2\n'),
    ('colors.txt', 'Category r g b\nTram 1 2 3\n'), ('colors.txt', 'Category r g b\nRoad a b c'),
    ('intrinsic.txt', None), ('intrinsic.txt', 'frame cameraID\n0 0\n'),
    ('intrinsic.txt', 'frame cameraID\n0 0 wide\n')])
def test_a_missing_or_broken_table_is_named(root, name, text):
    path = root / 'Scene01' / 'clone' / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(DatasetError, match=f'{path} is not a table of '):
        VirtualKitti2(root, 'train')


@pytest.mark.parametrize(('part', 'image', 'reported'), [
    ('depth', DEPTHS.astype(np.uint8), 'depth_00000.png is uint8 .*must be uint16'),
    ('depth', DEPTHS[:, :3], r'rgb_00000.jpg: rgb is \(1, 15\), depth \(1, 3\)'),
    ('classSegmentation', np.uint8([[[3, 2, 1]]]),
     'classgt_00000.png has the colour 1 2 3, which is not in its colors.txt')])
def test_a_part_of_another_kind_or_size_is_named(root, part, image, reported):
    cv2.imwrite(str(_path(root, part)), image)
    with pytest.raises(DatasetError, match=reported):
        VirtualKitti2(root, 'train')[0]
