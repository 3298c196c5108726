# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace
import json
import shutil

from bdl_perception.datasets.base import DatasetError, TrainingSample
from bdl_perception.experiments.data import (
    black_out_half,
    CorruptedDataset,
    CORRUPTIONS,
    defocus,
    load_data,
    nested_drives,
    splits_to_render,
    underexpose,
)
import cv2
from micro_experiment import make_micro_drives, MICRO
import numpy as np
import pytest


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_micro_drives(tmp_path_factory.mktemp('data'))


@pytest.mark.parametrize('count', [4, 24, 80, 10])
@pytest.mark.parametrize('seed', [1, 2])
def test_a_larger_share_holds_every_smaller_one(count, seed):
    quarter, half, whole = (set(nested_drives(count, share, seed)) for share in (.25, .5, 1))
    assert quarter < half < whole == set(range(count))
    assert len(half) == round(count / 2) and len(quarter) == round(count / 4)


def test_another_seed_draws_other_drives():
    assert len({tuple(sorted(nested_drives(80, .25, seed))) for seed in (1, 2, 3)}) == 3


def test_a_share_has_the_mix_of_conditions_of_the_whole():
    turns = [drive % 4 for drive in nested_drives(80, .25, 1)]
    assert [turns.count(turn) for turn in range(4)] == [5, 5, 5, 5]


def test_an_epoch_is_as_long_for_every_share(root):
    data = load_data(root, MICRO)
    for share, different in ((.25, 2), (.5, 4), (1., 8)):
        epoch, distinct = data.training_subset(share, 1, MICRO.epoch_frames)
        assert len(epoch) == 8 and len(distinct) == different
        frames = [epoch[index].rgb.tobytes() for index in range(8)]
        assert len(set(frames)) == different
        assert {frames.count(one) for one in frames} == {8 // different}


def test_all_splits_are_counted(root):
    counts = load_data(root, MICRO).counts()
    assert counts['train'] == [4, 8] and counts['test'] == [2, 4]
    assert counts['test_night'] == counts['validation_lens_dirt'] == [1, 2]


def test_only_the_frames_of_the_tier_are_loaded(root):
    data = load_data(root, replace(MICRO, train_drives=3, train_frames=1))
    assert data.counts()['train'] == [3, 3]


def test_other_drives_have_another_hash(root, tmp_path):
    shutil.copytree(root, tmp_path / 'copy')
    assert load_data(tmp_path / 'copy', MICRO).digest == load_data(root, MICRO).digest
    drive = tmp_path / 'copy' / 'test_night' / 'test_night_0000'
    classes = cv2.imread(str(drive / 'classes' / '000000.png'), cv2.IMREAD_UNCHANGED)
    classes[0, 0] ^= 1  # one pixel
    cv2.imwrite(str(drive / 'classes' / '000000.png'), classes)
    assert load_data(tmp_path / 'copy', MICRO).digest != load_data(root, MICRO).digest


def test_a_missing_split_is_named(root, tmp_path):
    shutil.copytree(root, tmp_path / 'copy')
    shutil.rmtree(tmp_path / 'copy' / 'test_night')
    with pytest.raises(DatasetError, match='test_night'):
        load_data(tmp_path / 'copy', MICRO)


def test_nothing_is_rendered_into_a_folder_without_a_marker(root):
    assert splits_to_render(root, MICRO, 1) == []
    assert not (root / 'experiment.json').exists()


def test_an_empty_folder_is_rendered_until_complete(tmp_path):
    assert splits_to_render(tmp_path, MICRO, 1) == list(MICRO.splits)
    make_micro_drives(tmp_path)
    shutil.rmtree(tmp_path / 'test' / 'test_0001')
    assert [size.split for size in splits_to_render(tmp_path, MICRO, 1)] == ['test']
    with pytest.raises(DatasetError, match='other sizes'):
        splits_to_render(tmp_path, replace(MICRO, nominal_drives=3), 1)


def test_a_killed_experiment_is_not_resumed_in_another_world(tmp_path):
    splits_to_render(tmp_path, MICRO, 1)
    marker = tmp_path / 'experiment.json'
    begun = json.loads(marker.read_text())
    assert begun.pop('world') == 1
    for found in (begun, {**begun, 'world': 1}):  # older markers have no version
        marker.write_text(json.dumps(found))
        assert splits_to_render(tmp_path, MICRO, 1) == list(MICRO.splits)
        with pytest.raises(DatasetError, match=r'another world \(1, not 2\); choose another'):
            splits_to_render(tmp_path, MICRO, 2)


def test_camvid_is_one_more_condition_without_depth(root, tmp_path):
    for split in ('val', 'test'):
        for folder, shape in ((split, (36, 48, 3)), (f'{split}annot', (36, 48))):
            (tmp_path / folder).mkdir()
            for number in range(3):
                cv2.imwrite(str(tmp_path / folder / f'{number}.png'), np.full(shape, 3, np.uint8))
    data = load_data(root, MICRO, tmp_path)
    assert data.counts()['validation_camvid'] == data.counts()['test_camvid'] == [1, 2]
    sample = data.splits['test_camvid'].frames[0]
    assert np.isnan(sample.depth).all() and (sample.classes == 3).all()
    assert data.digest != load_data(root, MICRO).digest


FRAME = np.random.default_rng(0).integers(0, 256, (40, 80, 3)).astype(np.uint8)


def test_a_defocused_frame_keeps_brightness_and_loses_edges():
    blurred = defocus(FRAME)
    assert blurred.mean() == pytest.approx(FRAME.mean(), rel=.02)
    assert blurred.std() < .5 * FRAME.std()


def test_an_underexposed_frame_has_15_percent_of_its_brightness():
    assert underexpose(FRAME).mean() == pytest.approx(.15 * FRAME.mean(), rel=.01)


def test_half_a_frame_is_black_and_the_other_half_unchanged():
    left = black_out_half(FRAME)
    np.testing.assert_array_equal(left[:, :40], FRAME[:, :40])
    assert left[:, 40:].max() == 0


@pytest.mark.parametrize('name', CORRUPTIONS)
def test_a_corruption_changes_the_frame_only(name):
    before = FRAME.copy()
    depth, classes = np.ones((40, 80), np.float32), np.zeros((40, 80), np.uint8)
    sample = TrainingSample(FRAME, depth, classes, 50.)
    corrupted = CorruptedDataset([sample], CORRUPTIONS[name])
    assert len(corrupted) == 1
    assert (corrupted[0].rgb != before).any()
    assert corrupted[0].depth is sample.depth and corrupted[0].classes is sample.classes
    np.testing.assert_array_equal(FRAME, before)


def test_corruptions_are_of_the_test_split_only():
    assert all(name.startswith('test_') for name in CORRUPTIONS)
