# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from anomaly_files import make_tiny_anomalies
from bdl_perception.datasets import anomaly_sources, open_dataset
from bdl_perception.datasets.base import DatasetError, to_labelled
from bdl_perception.perception.data_types import IGNORE
import cv2
import numpy as np
import pytest


@pytest.mark.parametrize('object_id', [1, 2])
@pytest.mark.parametrize('ending', ['.png', '_labels_semantic.png'])
def test_a_mask_separates_object_void_and_rest(tmp_path, object_id, ending):
    make_tiny_anomalies(tmp_path / 'Mine', object_id=object_id, ending=ending)
    data = open_dataset('anomaly', tmp_path, 'Mine')
    sample = data[1]
    assert len(data) == 2 and data.frame_names[1] == ('Mine', '1')
    assert [(sample.anomalies == value).sum() for value in (1, IGNORE, 0)] == [
        160, 288, 30 * 48 - 448]
    labelled = to_labelled(sample, 'a', 'b', 0)
    assert labelled.depth is None and labelled.classes is None
    np.testing.assert_array_equal(labelled.anomalies, sample.anomalies)


def test_an_image_is_enlarged_to_its_mask(tmp_path):
    make_tiny_anomalies(tmp_path / 'Mine', factor=2)
    sample = open_dataset('anomaly', tmp_path, 'Mine')[0]
    assert sample.rgb.shape == (60, 96, 3) and (sample.anomalies == 1).sum() == 4 * 160


def test_one_set_and_a_folder_of_sets_are_listed(tmp_path):
    for name in ('B', 'A'):
        make_tiny_anomalies(tmp_path / name)
    assert [(one.root, one.split) for one in anomaly_sources(tmp_path)] == [
        (tmp_path, 'A'), (tmp_path, 'B')]
    assert [one.split for one in anomaly_sources(tmp_path / 'B')] == ['B']


@pytest.mark.parametrize(('change', 'message'), [
    (lambda root: (root / 'labels_masks' / '1.png').unlink(), '1.png has no mask'),
    (lambda root: cv2.imwrite(str(root / 'labels_masks' / '0.png'), np.full((30, 48), 7,
                                                                            np.uint8)),
     r'has the values \[7\], must be \[0, 1, 2, 255\]'),
    (lambda root: cv2.imwrite(str(root / 'labels_masks' / '0.png'), np.zeros((48, 30), np.uint8)),
     'must have one aspect ratio'),
    (lambda root: [path.unlink() for path in (root / 'images').iterdir()], 'has no image'),
])
def test_a_damaged_set_is_an_error(tmp_path, change, message):
    change(make_tiny_anomalies(tmp_path / 'Mine'))
    with pytest.raises(DatasetError, match=message):
        open_dataset('anomaly', tmp_path, 'Mine')[0]


def test_a_folder_without_a_set_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match='has no set of unknown objects'):
        anomaly_sources(tmp_path)
