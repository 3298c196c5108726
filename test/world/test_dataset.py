# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import math
import shutil

from bdl_perception.world import dataset, drive_files
from bdl_perception.world.conditions import SPLITS
from bdl_perception.world.dataset import render_drives
from bdl_perception.world.drive import WorldDrive
from bdl_perception.world.drive_files import encode_depth, FOLDER_LAYOUT
from bdl_perception.world.splits import (
    ConditionChange,
    demo_spec,
    drive_seed,
    SPLIT_NUMBERS,
    SplitSpec,
)
from bdl_perception.world.versions import WORLD_VERSION
import cv2
from full_disk import FULL_DISK
import numpy as np
import pytest

SEEDS = [2282297376651606, 3730270712621478, 5006673786323049]  # train, test_lens_dirt, demo
SIZE = {'height': 48, 'width': 80}


@pytest.fixture(scope='module')
def written(tmp_path_factory, renderer):
    out = tmp_path_factory.mktemp('drives')
    return render(out, 'train', 2, processes=2, seed=5)


def render(out, split, drives, frames=2, rate_hz=4., processes=1, layout=FOLDER_LAYOUT, **changes):
    """Render a split of tiny drives."""
    spec = SplitSpec(split, drives, frames, rate_hz, **{**SIZE, **changes})
    return render_drives(out, spec.drive_specs(), processes, layout)


def specs(split, drives, frames, change=None):
    return SplitSpec(split, drives, frames, 10., **SIZE, condition_change=change).drive_specs()


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob('*')) if path.is_file()}


def touch_frames(folder, frames):
    for path in drive_files.FOLDER_LAYOUT.expected_files(folder, frames):
        path.parent.mkdir(exist_ok=True)
        path.touch()


def test_a_drive_on_disk_has_the_published_format(written):
    folder = written[1]
    about = json.loads((folder / 'drive.json').read_text())
    assert folder.name == about['name'] == 'train_0001'
    assert about['format'] == 1 and about['world'] == WORLD_VERSION
    assert about['split'] == 'train' and about['frames'] == 2
    assert about['stamps_ns'] == [0, 250_000_000]
    assert about['conditions'] == [
        {'name': 'overcast', 'start_s': 0., 'end_s': .5, 'held_out': False, 'fade_s': .5}]
    assert (about['width'], about['height'], about['rate_hz']) == (80, 48, 4.)
    assert set(about['camera']) == {'fx', 'fy', 'cx', 'cy'}
    assert set(files(folder)) == {'drive.json', *(
        f'{kind}/00000{i}.{ext}' for i in range(2)
        for kind, ext in (('rgb', 'jpg'), ('depth', 'png'), ('classes', 'png')))}
    for kind, shape, dtype in (('rgb/000000.jpg', (48, 80, 3), np.uint8),
                               ('depth/000000.png', (48, 80), np.uint16),
                               ('classes/000000.png', (48, 80), np.uint8)):
        image = cv2.imread(str(folder / kind), cv2.IMREAD_UNCHANGED)
        assert (image.shape, image.dtype) == (shape, dtype)


def test_a_written_drive_is_the_rendered_one(written, tmp_path):
    """The second process wrote, this one renders: also the same pixels in both."""
    folder = written[0]
    spec, = SplitSpec('train', 1, 2, 4., 48, 80, 5).drive_specs()
    again = dataset.write_drive(tmp_path, spec)
    assert files(again) == files(folder)
    frame = next(iter(WorldDrive(spec).frames(dataset._cached_renderer(80, 48))))
    depth = cv2.imread(str(folder / 'depth/000000.png'), cv2.IMREAD_UNCHANGED)
    near = frame.depth < 255
    np.testing.assert_allclose(depth[near] / 256, frame.depth[near], atol=.5 / 256 + 1e-6)
    assert (depth[~near] > 65279).all() and (depth[np.isinf(frame.depth)] == 65535).all()
    classes = cv2.imread(str(folder / 'classes/000000.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(classes, frame.classes)


def test_only_missing_drives_are_rendered(written, tmp_path, monkeypatch):
    calls = []

    def note(out, spec, layout):
        calls.append(spec.name)
        (out / spec.name).mkdir()
        about = {'world': WORLD_VERSION, 'seed': spec.seed, 'frames': 2, 'rate_hz': 4.0, **SIZE,
                 'conditions': [
                    {'name': spec.segments[0].name, 'start_s': 0., 'end_s': .5}]}
        (out / spec.name / FOLDER_LAYOUT.marker_file).write_text(json.dumps(about))
        touch_frames(out / spec.name, 2)
        return out / spec.name

    monkeypatch.setattr(dataset, 'write_drive', note)
    render(tmp_path, 'test', 2, seed=5)
    assert calls == ['test_0000', 'test_0001']
    paths = render(tmp_path, 'test', 3, seed=5)
    assert calls == ['test_0000', 'test_0001', 'test_0002']
    assert [path.name for path in paths] == calls


@pytest.mark.parametrize(('change', 'message'), [
    ({'seed': 6}, 'seed'), ({'frames': 3}, 'frames 2, not 3'),
    ({'rate_hz': 5.}, r'rate_hz 4\.0, not 5\.0'), ({'width': 96}, 'width')])
def test_a_drive_of_another_request_is_rejected(
        tmp_path, monkeypatch, change, message):
    request = {'frames': 2, 'rate_hz': 4., 'seed': 5, **SIZE}
    spec, = SplitSpec('test', 1, **request).drive_specs()
    made = {'world': WORLD_VERSION, 'seed': spec.seed, 'frames': 2, 'rate_hz': 4.0, **SIZE,
            'conditions': [{'name': 'sun', 'start_s': 0., 'end_s': .5}]}
    (tmp_path / spec.name).mkdir()
    (tmp_path / spec.name / 'drive.json').write_text(json.dumps(made))
    touch_frames(tmp_path / spec.name, 2)
    monkeypatch.setattr(dataset, 'write_drive', None)
    assert render(tmp_path, 'test', 1, **request) == [tmp_path / spec.name]
    with pytest.raises(ValueError, match=f'test_0000 has .*{message}.*another --out'):
        render(tmp_path, 'test', 1, **{**request, **change})


@pytest.mark.parametrize(('recorded', 'found'), [  # version 1 did not record it
    ({'world': WORLD_VERSION + 1}, WORLD_VERSION + 1), ({'world': 1}, 1), ({}, 1)])
def test_a_drive_of_another_world_version_is_rejected(
        tmp_path, renderer, recorded, found):
    request = {'drives': 1, 'frames': 1, 'rate_hz': 4., 'seed': 5, **SIZE}
    made, = render(tmp_path, 'test', **request)
    about = json.loads((made / 'drive.json').read_text())
    assert about.pop('world') == WORLD_VERSION
    (made / 'drive.json').write_text(json.dumps({**about, **recorded}))
    with pytest.raises(ValueError, match=f'test_0000 has world {found}, not {WORLD_VERSION}: '
                                         f'it comes from another call or version'):
        render(tmp_path, 'test', **request)


def test_a_drive_of_another_format_is_rejected(tmp_path):
    (tmp_path / 'test_0000').mkdir()
    (tmp_path / 'test_0000' / 'metadata.yaml').touch()
    with pytest.raises(ValueError, match=r'test_0000 exists but has no drive\.json.*format'):
        render(tmp_path, 'test', 1, seed=5)


def test_an_interrupted_drive_leaves_no_folder(renderer, tmp_path, monkeypatch):
    spec, = SplitSpec('test', 1, 2, 4., 48, 80, 5).drive_specs()
    write = drive_files._write_frame

    def break_off(folder, index, frame):
        if index:
            raise KeyboardInterrupt
        write(folder, index, frame)

    monkeypatch.setattr(drive_files, '_write_frame', break_off)
    with pytest.raises(KeyboardInterrupt):
        dataset.write_drive(tmp_path, spec)
    assert not (tmp_path / spec.name).exists()
    monkeypatch.setattr(drive_files, '_write_frame', write)
    folder = dataset.write_drive(tmp_path, spec)
    assert len(files(folder)) == 7
    assert [path.name for path in tmp_path.iterdir()] == [spec.name]


def test_no_two_drives_share_a_seed():
    seeds = [drive_seed(split, index, seed) for split in (*SPLITS, 'demo')
             for index in range(60) for seed in (0, 1)]
    assert len(set(seeds)) == len(seeds)
    assert max(seeds) < 2 ** 53


def test_every_split_has_its_own_constant_number():
    assert set(SPLIT_NUMBERS) == {*SPLITS, 'demo'}
    assert len(set(SPLIT_NUMBERS.values())) == len(SPLIT_NUMBERS)
    assert [drive_seed(split, 3, 1) for split in ('train', 'test_lens_dirt', 'demo')] == SEEDS


def test_nominal_conditions_take_turns():
    names = [spec.segments[0].name for spec in specs('train', 8, 2)]
    assert names == ['sun', 'overcast', 'dusk', 'haze'] * 2


@pytest.mark.parametrize(('metres', 'stored'), [
    (1., 256), (.501, 128), (255.99, 65533), (256.2, 65535), (np.inf, 65535), (np.nan, 0)])
def test_depth_is_stored_in_steps_of_four_millimetres(metres, stored):
    assert encode_depth(np.array([[metres]], np.float32))[0, 0] == stored


def test_an_unknown_split_names_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match='known: train, validation, test'):
        render(tmp_path, 'nigth', 1)


def test_zero_processes_are_rejected(tmp_path):
    with pytest.raises(ValueError, match='processes 0'):
        render(tmp_path, 'train', 1, processes=0)


def test_the_demonstration_returns_to_nominal_each_time():
    spec = demo_spec(10., 384, 640, 0)
    assert spec.frames == 550
    assert [(s.name, s.start_s, s.end_s) for s in spec.segments] == [
        ('sun', 0., 16.), ('dense_fog', 16., 26.), ('sun', 26., 38.), ('lens_dirt', 38., 46.),
        ('sun', 46., 55.)]


def test_a_held_out_condition_can_begin_within_a_drive():
    first, second = specs('test_night', 2, 40, ConditionChange(1.5, .2))
    assert [(s.name, s.start_s, s.end_s) for s in first.segments] == [
        ('sun', 0., 1.5), ('night', 1.5, 4.)]
    assert second.segments[0].name == 'overcast' and second.segments[1].fade_s == .2


def test_a_held_out_condition_can_end_within_a_drive():
    _, spec = specs('test_night', 2, 40, ConditionChange(1.5, .2, 2.5))
    assert [(s.name, s.start_s, s.end_s, s.fade_s) for s in spec.segments] == [
        ('overcast', 0., 1.5, .5), ('night', 1.5, 2.5, .2), ('overcast', 2.5, 4., .5)]
    to_the_end, = specs('test_night', 1, 40, ConditionChange(1.5, .2, 4.))
    assert len(to_the_end.segments) == 2


@pytest.mark.parametrize(('split', 'change'), [
    ('test', ConditionChange(1.)), ('test_night', ConditionChange(4.)),
    ('test_night', ConditionChange(0.)),
    ('test_night', ConditionChange(1., end_s=1.)), ('test_night', ConditionChange(1., end_s=4.1))])
def test_an_impossible_change_is_rejected(split, change):
    with pytest.raises(ValueError, match='begin'):
        specs(split, 2, 40, change)


def test_a_condition_that_ends_within_its_fade_is_rejected():
    specs('test_night', 2, 40, ConditionChange(1., 2., 3.))
    with pytest.raises(ValueError, match='ends at 3 s, before it has faded in by 3.1 s'):
        specs('test_night', 2, 40, ConditionChange(1., 2.1, 3.))


def test_drives_with_another_change_are_rejected(tmp_path, renderer):
    request = {'drives': 1, 'frames': 2, 'rate_hz': 4., 'seed': 5, **SIZE}
    change = ConditionChange(.25)
    made, = render(tmp_path, 'test_night', condition_change=change, **request)
    assert render(tmp_path, 'test_night', condition_change=change, **request) == [made]
    for other in (None, ConditionChange(.3), ConditionChange(.25, 2.)):
        with pytest.raises(ValueError, match='comes from another call'):
            render(tmp_path, 'test_night', condition_change=other, **request)


def test_drives_without_fade_s_are_still_accepted(tmp_path, renderer):
    request = {'drives': 1, 'frames': 2, 'rate_hz': 4., 'seed': 5, **SIZE}
    made, = render(tmp_path, 'test_night', **request)
    about = json.loads((made / 'drive.json').read_text())
    assert about['conditions'][0].pop('held_out') is True
    del about['conditions'][0]['fade_s']
    (made / 'drive.json').write_text(json.dumps(about))
    assert render(tmp_path, 'test_night', **request) == [made]


@pytest.mark.parametrize(('change', 'message'), [
    ({'drives': 0}, 'drives is 0, must be 1 or more'), ({'frames': -2}, 'frames is -2'),
    ({'rate_hz': 0.}, 'rate_hz is 0.0, must be above 0'),
    ({'rate_hz': math.inf}, 'rate_hz is inf'), ({'seed': -3}, 'seed is -3'),
    ({'height': 0}, 'height is 0 px, must lie in 16 to 4096'), ({'width': -6}, 'width is -6 px')])
def test_an_impossible_setting_is_rejected_by_name(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        render(tmp_path, 'test', **{'drives': 1, **change})


def test_a_damaged_drive_is_rejected(written, tmp_path):
    request = {'drives': 1, 'frames': 2, 'rate_hz': 4., 'seed': 5, **SIZE}
    shutil.copytree(written[0], tmp_path / written[0].name)
    assert render(tmp_path, 'train', **request) == [tmp_path / 'train_0000']
    (tmp_path / 'train_0000' / 'depth' / '000001.png').unlink()
    with pytest.raises(ValueError, match=r'lacks 1 of its files.*000001\.png.*remove .*0000'):
        render(tmp_path, 'train', **request)
    for broken in ('{broken', '3'):
        (tmp_path / 'train_0000' / 'drive.json').write_text(broken)
        with pytest.raises(ValueError, match=r'drive\.json cannot be read.*remove .*train_0000'):
            render(tmp_path, 'train', **request)


def test_no_drive_begins_after_an_error(renderer, tmp_path):
    with pytest.raises(OSError, match='disk is full'):
        render(tmp_path, 'test', 40, processes=2, layout=FULL_DISK)
    assert len([*tmp_path.iterdir()]) < 20  # remains of those that were in hand


def test_a_folder_is_locked_while_a_process_renders_into_it(tmp_path, monkeypatch):
    def try_again(out, spec, layout):
        with pytest.raises(ValueError, match='another process renders into .*; wait for it'):
            render(tmp_path, 'test', 1)
        requested.append(spec.name)

    requested = []
    monkeypatch.setattr(dataset, 'write_drive', try_again)
    for _ in range(2):  # the first leaves nothing that keeps the second out
        render(tmp_path, 'test', 1)
    assert requested == ['test_0000'] * 2
