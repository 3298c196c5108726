# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets import evaluation_source, open_dataset
from bdl_perception.datasets.base import DatasetError, to_labelled
from bdl_perception.datasets.idd import has_coarse_labels
from camvid_files import make_tiny_camvid
import cv2
import numpy as np
import pytest

COARSE = np.uint8([[0, 1, 2, 3], [4, 5, 6, 255]])


@pytest.fixture
def root(tmp_path):
    make_tiny_camvid(tmp_path, 'val', 2, height=2, width=4)
    (tmp_path / 'valcoarse').mkdir()
    for number in range(2):
        cv2.imwrite(str(tmp_path / 'valcoarse' / f'frame_{number}.png'), COARSE)
    return tmp_path


def test_a_frame_has_fine_and_coarse_labels(root):
    data = open_dataset('idd', root, 'validation')
    assert len(data) == 2
    np.testing.assert_array_equal(data[1].coarse, COARSE)
    np.testing.assert_array_equal(data[1].classes, open_dataset('camvid', root, 'val')[1].classes)
    np.testing.assert_array_equal(to_labelled(data[1], 'a', 'b', 0).coarse, COARSE)


def test_a_folder_of_camvid_with_coarse_labels_is_evaluated_as_idd(root):
    found = evaluation_source('camvid', root)
    assert (found.kind, found.split) == ('idd', 'val') and 'non-commercial' in found.terms
    assert has_coarse_labels(root)


def test_frames_for_training_are_widened_to_the_16_to_9_of_the_cameras(tmp_path):
    make_tiny_camvid(tmp_path, 'train', 1, height=227, width=320)
    (tmp_path / 'traincoarse').mkdir()
    cv2.imwrite(str(tmp_path / 'traincoarse' / 'frame_0.png'), np.zeros((227, 320), np.uint8))
    sample = open_dataset('idd', tmp_path, 'train', square_pixels=True)[0]
    assert sample.coarse is None and sample.rgb.shape[:2] == sample.classes.shape == (227, 404)
    assert sample.classes.shape[1] / 227 == pytest.approx(16 / 9, abs=.5 / 227)
    assert open_dataset('idd', tmp_path, 'train')[0].coarse.shape == (227, 320)


def test_camvid_itself_is_evaluated_on_its_test_split(tmp_path):
    make_tiny_camvid(tmp_path, 'test', 1)
    make_tiny_camvid(tmp_path, 'val', 1)
    assert evaluation_source('camvid', tmp_path).split == 'test'
    assert evaluation_source('camvid', tmp_path, validation=True).split == 'val'


def test_a_data_set_without_either_split_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match='val is not a folder'):
        evaluation_source('camvid', tmp_path)


def test_a_missing_and_a_wrong_coarse_label_are_errors(root):
    label = root / 'valcoarse' / 'frame_1.png'
    cv2.imwrite(str(label), COARSE + 1)
    with pytest.raises(DatasetError, match=r'frame_1.png has the labels \[7\], must be 0 to 6'):
        open_dataset('idd', root, 'val')[1]
    label.unlink()
    with pytest.raises(DatasetError, match='has no coarse label'):
        open_dataset('idd', root, 'val')
