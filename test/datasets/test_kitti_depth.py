# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets.base import DatasetError
from bdl_perception.datasets.kitti_depth import KittiDepth
from bdl_perception.perception.data_types import IGNORE
import cv2
import numpy as np
import pytest

DATE = '2011_09_26'
DRIVE = f'{DATE}_drive_0001_sync'
DEPTHS = np.uint16([[0, 256, 1280], [1, 20544, 65535]])  # 80.25 m is 20544
CALIBRATION = """calib_time: 09-Jan-2012 13:57:47
corner_dist: 9.950000e-02
S_rect_02: 1.242000e+03 3.750000e+02
P_rect_02: 7.215000e+02 0.0 6.095e+02 4.4e+01 0.0 7.2e+02 1.7e+02 2.1e-01 0.0 0.0 1.0 2.7e-03
P_rect_03: 7.005000e+02 0.0 6.095e+02 -3.3e+02 0.0 7.2e+02 1.7e+02 2.3 0.0 0.0 1.0 2.7e-03
"""


def _write(root, number=5, split='train', drive=DRIVE, camera='image_02', raw_drive=None, red=90):
    """Write a depth image, and a colour one into the raw recordings or raw_drive."""
    date = root / drive[:10]
    name = f'{number:010d}.png'
    depths = root / split / drive / 'proj_depth' / 'groundtruth' / camera
    images = (raw_drive or date / drive) / camera / 'data'
    for folder in (date, depths, images):
        folder.mkdir(parents=True, exist_ok=True)
    (date / 'calib_cam_to_cam.txt').write_text(CALIBRATION)
    cv2.imwrite(str(depths / name), DEPTHS)
    rgb = np.full((*DEPTHS.shape, 3), (red, 20, 10), np.uint8)
    cv2.imwrite(str(images / name), rgb[..., ::-1])


@pytest.fixture
def root(tmp_path):
    for camera, red in (('image_02', 90), ('image_03', 91)):
        _write(tmp_path, camera=camera, red=red)
    return tmp_path


def test_depth_is_in_metres_where_there_was_lidar(root):
    depth = KittiDepth(root, 'train')[0].depth
    np.testing.assert_array_equal(
        depth, np.float32([[np.nan, 1, 5], [1 / 256, 80.25, 255.99609375]]))


def test_a_frame_has_its_colours_its_focal_length_and_no_class(root):
    sample = KittiDepth(root, 'train')[0]
    assert sample.rgb[1, 2].tolist() == [90, 20, 10] and sample.fx == 721.5
    assert (sample.classes == IGNORE).all()


def test_each_camera_has_its_own_images_and_focal_length(root):
    data = KittiDepth(root, 'train')
    assert [(int(data[k].rgb[0, 0, 0]), data[k].fx) for k in range(len(data))] == [
        (90, 721.5), (91, 700.5)]
    assert len(KittiDepth(root, 'train', cameras=['image_03'])) == 1


def test_all_drives_of_the_split_are_read_in_order(root):
    _write(root, 7, red=1)
    _write(root, 6, red=2)
    _write(root, 5, split='val', drive='2011_09_28_drive_0002_sync', red=3)
    (root / '2011_09_26' / DRIVE / 'image_02' / 'data' / '0000000000.png').touch()  # no depth
    data = KittiDepth(root, 'train', cameras=['image_02'])
    assert [int(data[k].rgb[0, 0, 0]) for k in range(len(data))] == [90, 2, 1]
    assert KittiDepth(root, 'val', cameras=['image_02'])[0].rgb[0, 0, 0] == 3


def test_the_raw_recordings_may_lie_elsewhere(root):
    raw = root / 'raw'
    raw.mkdir()
    (root / DATE).rename(raw / DATE)
    assert len(KittiDepth(root, 'train', raw_root=raw)) == 2
    with pytest.raises(DatasetError, match=f'{DRIVE} has no images'):
        KittiDepth(root, 'train')


def test_images_may_lie_next_to_the_depth(tmp_path):
    _write(tmp_path, raw_drive=tmp_path / 'train' / DRIVE)
    data = KittiDepth(tmp_path, 'train', cameras=['image_02'])
    assert data[0].rgb[0, 0, 0] == 90


def test_missing_images_are_named_with_both_places(root):
    (root / DATE / DRIVE).rename(root / 'elsewhere')
    with pytest.raises(DatasetError, match=f'neither .*/{DATE}/{DRIVE}/image_02/data nor '
                                           f'.*/train/{DRIVE}/image_02/data'):
        KittiDepth(root, 'train')


def test_depth_without_its_image_is_an_error(root):
    path = root / DATE / DRIVE / 'image_03' / 'data' / '0000000005.png'
    path.unlink()
    with pytest.raises(DatasetError, match=f'groundtruth/image_03/.* has no image: {path}'):
        KittiDepth(root, 'train')


def test_a_missing_split_camera_or_frame_is_named(root):
    with pytest.raises(DatasetError, match='/val is not a folder'):
        KittiDepth(root, 'val')
    with pytest.raises(DatasetError, match='groundtruth/image_00 is not a folder'):
        KittiDepth(root, 'train', cameras=['image_00'])
    (root / 'val').mkdir()
    with pytest.raises(DatasetError, match='/val has no depth'):
        KittiDepth(root, 'val')


@pytest.mark.parametrize('text', [None, '', 'P_rect_02:', 'P_rect_02: seven', 'P_rect_00: 7 0'])
def test_a_missing_or_broken_calibration_is_named(root, text):
    path = root / DATE / 'calib_cam_to_cam.txt'
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(DatasetError, match=f'{path} has no P_rect_02'):
        KittiDepth(root, 'train')


@pytest.mark.parametrize(('image', 'reported'), [
    (DEPTHS.astype(np.uint8), r'image_02/0000000005.png is uint8 .*must be uint16'),
    (DEPTHS[:1], r'image_02/data/0000000005.png: rgb is \(2, 3\), depth \(1, 3\)')])
def test_depth_of_another_kind_or_size_is_named(root, image, reported):
    path = root / 'train' / DRIVE / 'proj_depth' / 'groundtruth' / 'image_02' / '0000000005.png'
    cv2.imwrite(str(path), image)
    with pytest.raises(DatasetError, match=reported):
        KittiDepth(root, 'train')[0]
