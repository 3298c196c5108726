# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0

from dataclasses import replace
import json
import shutil

from bdl_perception.datasets.base import DatasetError, TrainingSample
from bdl_perception.experiments.data import (
    black_out_half,
    block_lengths,
    CorruptedDataset,
    CORRUPTIONS,
    defocus,
    load_data,
    nested_drives,
    Split,
    splits_to_render,
    thin_split,
    underexpose,
)
import cv2
from micro_experiment import make_micro_camvid, make_micro_drives, MICRO
import numpy as np
import pytest


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_micro_drives(tmp_path_factory.mktemp('data'))


@pytest.mark.parametrize('count', [4, 24, 80, 10])
@pytest.mark.parametrize('seed', [1, 2])
def test_a_larger_share_holds_every_smaller_one(count, seed):
    quarter, half, whole = (set(nested_drives(count, share, seed, 4)) for share in (.25, .5, 1))
    assert quarter < half < whole == set(range(count))
    assert len(half) == round(count / 2) and len(quarter) == round(count / 4)


def test_another_seed_draws_other_drives():
    assert len({tuple(sorted(nested_drives(80, .25, seed))) for seed in (1, 2, 3)}) == 3


def test_a_share_has_the_mix_of_conditions_of_the_whole():
    turns = [drive % 4 for drive in nested_drives(80, .25, 1, 4)]
    assert [turns.count(turn) for turn in range(4)] == [5, 5, 5, 5]


def test_an_epoch_is_as_long_for_every_share(root):
    data = load_data(root, MICRO)['depth']
    for share, different in ((.25, 2), (.5, 4), (1., 8)):
        epoch, distinct = data.training_subset(share, 1, 8)
        assert len(epoch) == 8 and len(distinct) == different
        frames = [epoch[index].rgb.tobytes() for index in range(8)]
        assert len(set(frames)) == different
        assert {frames.count(one) for one in frames} == {8 // different}


def test_all_splits_are_counted(root):
    counts = load_data(root, MICRO)['depth'].counts()
    assert counts['train'] == [4, 8] and counts['test'] == [2, 4]
    assert counts['test_night'] == counts['validation_lens_dirt'] == [1, 2]


def test_only_the_frames_of_the_tier_are_loaded(root):
    data = load_data(root, replace(MICRO, train_drives=3, train_frames=1))['depth']
    assert data.counts()['train'] == [3, 3]


def test_other_drives_have_another_hash(root, tmp_path):
    def digest(folder):
        return load_data(folder, MICRO)['depth'].digest

    shutil.copytree(root, tmp_path / 'copy')
    assert digest(tmp_path / 'copy') == digest(root)
    drive = tmp_path / 'copy' / 'test_night' / 'test_night_0000'
    classes = cv2.imread(str(drive / 'classes' / '000000.png'), cv2.IMREAD_UNCHANGED)
    classes[0, 0] ^= 1  # one pixel
    cv2.imwrite(str(drive / 'classes' / '000000.png'), classes)
    assert digest(tmp_path / 'copy') != digest(root)


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


def test_without_camvid_there_is_no_data_for_classes(root):
    assert set(load_data(root, MICRO)) == {'depth', 'both'}


def test_each_task_has_the_data_of_the_others_as_other_data(root, tmp_path):
    data = load_data(root, MICRO, make_micro_camvid(tmp_path / 'camvid'),
                     make_micro_camvid(tmp_path / 'idd'))
    assert data['depth'] is data['both']
    assert {'test_camvid', 'test_idd', 'validation_camvid'} <= set(data['depth'].splits)
    assert {'test_rendered', 'test_idd', 'validation_idd'} <= set(data['classes'].splits)
    assert data['classes'].counts()['train'] == [8, 8]
    assert data['depth'].counts()['test_camvid'] == [2, 2]
    sample = data['depth'].splits['test_camvid'].frames[0]
    assert np.isnan(sample.depth).all()
    rendered = data['classes'].splits['test_rendered'].frames[0]
    np.testing.assert_array_equal(rendered.rgb, data['depth'].splits['test'].frames[0].rgb)


def test_a_quarter_of_camvid_is_92_frames_as_in_the_paper():
    assert [len(nested_drives(367, share, 1)) for share in (.25, .5, 1)] == [92, 184, 367]


def test_a_real_sequence_is_cut_into_blocks():
    assert block_lengths('a' * 12 + 'b' + 'a') == (10, 2, 1, 1)


def test_a_thin_split_keeps_the_drives_of_its_frames():
    split = thin_split(Split(list(range(10)), (2, 7, 1)), 4)
    assert [split.frames[index] for index in range(4)] == [0, 3, 6, 9]
    assert split.lengths == (1, 2, 1)


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
