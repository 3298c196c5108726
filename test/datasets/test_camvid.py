# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets.base import DatasetError
from bdl_perception.datasets.camvid import CamVid, CAMVID_CLASSES
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import cv2
import numpy as np
import pytest

LABELS = np.uint8([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])


def _write(root, split, name, labels=LABELS, colour=(250, 20, 10)):
    rgb = np.full((*labels.shape[:2], 3), colour, np.uint8)
    for folder in (root / split, root / f'{split}annot'):
        folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(root / split / name), rgb[..., ::-1])
    label = root / f'{split}annot' / name
    cv2.imwrite(str(label.with_suffix('.png')), labels)


@pytest.fixture
def root(tmp_path):
    _write(tmp_path, 'train', '0006R0_f00930.png')
    _write(tmp_path, 'train', '0001TP_006690.jpg', colour=(0, 0, 0))
    _write(tmp_path, 'test', 'Seq05VD_f00000.png')
    return tmp_path


def test_the_order_of_the_classes_is_ours():
    lowered = [name.lower().replace('signsymbol', 'sign_symbol') for name in CAMVID_CLASSES]
    assert lowered == [*CLASS_NAMES, 'unlabelled']


def test_images_are_png_or_jpg_and_in_the_order_of_their_names(root):
    data = CamVid(root, 'train')
    assert [path.name for path in data.paths] == ['0001TP_006690.jpg', '0006R0_f00930.png']
    assert len(data) == 2 and len(CamVid(root, 'test')) == 1
    assert data[0].rgb.max() < 10
    names = [f'{number:02d}.png' for number in (7, 3, 9, 1, 5, 8, 2, 6, 4)]
    for name in names:
        _write(root, 'val', name)
    assert [path.name for path in CamVid(root, 'val').paths] == sorted(names)


def test_a_frame_has_its_colours_its_classes_and_no_depth(root):
    sample = CamVid(root, 'train')[1]
    assert sample.rgb[2, 1].tolist() == [250, 20, 10]
    expected = LABELS.copy()
    expected[2, 3] = IGNORE
    np.testing.assert_array_equal(sample.classes, expected)
    assert sample.depth.shape == (3, 4) and np.isnan(sample.depth).all()
    assert sample.fx == 414


def test_the_focal_length_can_be_reported(root):
    assert CamVid(root, 'train', fx=500.)[0].fx == 500


def test_square_pixels_make_the_image_wider_by_a_third(root):
    _write(root, 'val', 'a.png', labels=np.uint8([[5] * 6, [0, 0, 0, 3, 3, 3], [8] * 6]))
    sample = CamVid(root, 'val', fx=300., square_pixels=True)[0]
    assert sample.rgb.shape == (3, 8, 3) and sample.fx == pytest.approx(400)
    np.testing.assert_array_equal(
        sample.classes, [[5] * 8, [0, 0, 0, 0, 3, 3, 3, 3], [8] * 8])  # nothing cut off


@pytest.mark.parametrize('folder', ['nothing', 'nothingannot'])
def test_a_missing_folder_is_named(tmp_path, folder):
    _write(tmp_path, 'nothing', 'a.png')
    (tmp_path / folder).rename(tmp_path / 'elsewhere')
    with pytest.raises(DatasetError, match=f'/{folder} is not a folder'):
        CamVid(tmp_path, 'nothing')


def test_a_split_without_images_is_named(tmp_path):
    for folder in ('val', 'valannot'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'val' / 'README.txt').touch()
    with pytest.raises(DatasetError, match='/val has no image'):
        CamVid(tmp_path, 'val')


def test_a_image_without_label_is_named_before_anything_is_read(root):
    (root / 'trainannot' / '0006R0_f00930.png').unlink()
    with pytest.raises(DatasetError, match='0006R0.* has no label: .*trainannot.*is missing'):
        CamVid(root, 'train')


def test_labels_of_another_size_are_refused(root):
    cv2.imwrite(str(root / 'trainannot' / '0006R0_f00930.png'), LABELS[:2])
    with pytest.raises(DatasetError, match=r'0006R0_f00930.*rgb is \(3, 4\).*\(2, 4\)'):
        CamVid(root, 'train')[1]


@pytest.mark.parametrize(('labels', 'reported'), [
    (LABELS.astype(np.uint16), r'uint16 \(3, 4\), must be uint8 \(H, W\)'),
    (np.zeros((3, 4, 3), np.uint8), r'uint8 \(3, 4, 3\), must be uint8 \(H, W\)'),
    (LABELS + np.uint8(1), 'has the label 12.*must be 0 to 11')])
def test_images_that_are_no_labels_are_refused(root, labels, reported):
    cv2.imwrite(str(root / 'trainannot' / '0006R0_f00930.png'), labels)
    with pytest.raises(DatasetError, match=f'trainannot.*0006R0_f00930.*{reported}'):
        CamVid(root, 'train')[1]


def test_a_image_that_vanished_or_is_broken_is_named(root, capfd):
    data = CamVid(root, 'train')
    data.paths[1].write_bytes(b'no image')
    with pytest.raises(DatasetError, match='0006R0_f00930.png cannot be decoded'):
        data[1]
    data.paths[1].unlink()
    with pytest.raises(DatasetError, match='0006R0_f00930.png is missing'):
        data[1]
    capfd.readouterr()  # OpenCV's own complaint
