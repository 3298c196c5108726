# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import csv
import shutil

from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.cli.main import main
from bdl_perception.cli.train import DEFAULTS
from bdl_perception.datasets.rendered import WorldDataset
from bdl_perception.model_store import load_model_files
from bdl_perception.training.checkpoint import read_checkpoint, read_network, UNKNOWN_START
from bdl_perception.training.config import TrainConfig
from camvid_files import make_tiny_camvid, make_tiny_idd
import cv2
from kitti_files import make_tiny_kitti
import numpy as np
import pytest
from tiny_drives import make_tiny_drives
import torch

YAML = """
batch: 3
threads: 1
network:
  {height: 32, width: 64, canonical_focal_px: 50, encoder_channels: [4, 6, 8, 8],
   decoder_channels: [8, 6, 5, 4]}
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('run')
    make_tiny_drives(path / 'data', drives=2, frames=4)
    make_tiny_drives(path / 'data', split='validation', drives=1, frames=2, seed=1)
    (path / 'train.yaml').write_text(YAML)
    return path


def _train(folder, *words):
    return main(['train', '--data', str(folder / 'data'), '--out', str(folder / 'run'),
                 '--config', str(folder / 'train.yaml'), *words])


def _export(folder, *words):
    return main(['export', str(folder / 'run' / 'checkpoint.pt'), str(folder / 'models' / 'tiny'),
                 '--data', str(folder / 'data'), *words])


@pytest.fixture(scope='module')
def trained(folder):
    assert _train(folder, '--epochs', '2') == 0
    return folder


def test_training_leaves_a_checkpoint_and_curves_with_validation(trained):
    lines = (trained / 'run' / 'curves.csv').read_text().splitlines()
    assert len(lines) == 3 and 'validation_abs_rel' in lines[0]
    assert (trained / 'run' / 'checkpoint.pt').is_file()
    assert (trained / 'run' / 'curves.png').read_bytes().startswith(b'\x89PNG')


def test_an_exported_run_is_a_model_that_runs(trained, capsys):
    assert _export(trained, '--name', 'street', '--chunk', '3', '--stride', '1') == 0
    assert 'street' in capsys.readouterr().out
    backend = OnnxRuntimeBackend(load_model_files(trained / 'models' / 'tiny'), threads=1)
    assert backend.spec.name == 'street' and backend.spec.chunk == 3
    frame = WorldDataset(trained / 'data', 'train', 32, 64)[0]
    prediction = backend.perceive(frame.rgb)
    assert np.isfinite(prediction.depth).all() and (prediction.depth > 0).all()
    assert (prediction.aleatoric_std > 0).all() and prediction.classes.max() < 11


def test_training_frames_are_nearer_than_noise(trained):
    assert _export(trained, '--stride', '1') == 0
    backend = OnnxRuntimeBackend(load_model_files(trained / 'models' / 'tiny'), threads=1)
    frames = WorldDataset(trained / 'data', 'train', 32, 64)
    familiar = [float(backend.perceive(frames[index].rgb).feature_distance)
                for index in range(len(frames))]
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    assert float(backend.perceive(noise).feature_distance) > 2 * max(familiar)


def test_exporting_weights_again_gives_the_same_graphs(trained, capsys):
    assert _export(trained, '--stride', '1') == 0
    model, again = trained / 'models' / 'tiny', trained / 'models' / 'again'
    capsys.readouterr()
    assert main(['export', str(model / 'weights.pt'), str(again), '--name', 'tiny', '--stride',
                 '1', '--data', str(trained / 'data')]) == 0
    assert 'sigma times' not in capsys.readouterr().out  # it is scaled already
    first, second = load_model_files(model), load_model_files(again)
    assert first.spec == second.spec
    assert (first.perceive, first.sample) == (second.perceive, second.sample)


@pytest.mark.parametrize(('words', 'message'), [
    (['train', '--data', '{0}/nothing', '--out', '{0}/x'], 'is not a folder'),
    (['train', '--data', '{0}/data', '--out', '{0}/x', '--config', '{0}/no.yaml'], 'no.yaml'),
    (['train', '--data', '{0}/data', '--out', '{0}/y', '--start-from', '{0}/train.yaml'],
     'is no checkpoint'),
    (['train', '--data', '{0}/data', '--out', '{0}/y', '--start-from', '{0}/perceive.onnx'],
     'perceive.onnx is a graph'),
    (['export', '{0}/train.yaml', '{0}/m', '--data', '{0}/data'], 'give RUN/checkpoint.pt'),
    (['export', '{0}/perceive.onnx', '{0}/m', '--data', '{0}/data'], 'give the weights.pt'),
    (['export', '{0}/data', '{0}/m', '--data', '{0}/data'], 'data is a folder'),
    (['export', '{0}/no.pt', '{0}/m', '--data', '{0}/data'], 'no.pt'),
])
def test_a_mistake_is_one_line_and_exit_code_2(folder, capsys, words, message):
    assert main([word.format(folder) for word in words]) == 2
    error = capsys.readouterr().err
    assert message in error and 'Traceback' not in error and error.count('\n') == 1
    assert not (folder / 'm').exists()


def test_data_sets_of_other_sizes_are_mixed_with_repeats(folder, tmp_path):
    for split, frames in (('train', 2), ('val', 1)):
        make_tiny_camvid(tmp_path / 'camvid', split, frames)
    words = ['--data', f'camvid={tmp_path / "camvid"}', '--repeat', 'camvid=3']
    assert main(['train', '--data', str(folder / 'data'), *words, '--out', str(tmp_path / 'run'),
                 '--config', str(folder / 'train.yaml'), '--epochs', '1', '--batch', '2']) == 0
    row = next(csv.DictReader((tmp_path / 'run' / 'curves.csv').read_text().splitlines()))
    assert int(row['images']) == 2 * 4 + 3 * 2
    assert np.isfinite([float(row['validation_abs_rel']), float(row['validation_mean_iou'])]).all()


def test_a_model_states_the_terms_of_all_data_behind_its_weights(trained, tmp_path, capsys):
    """Of a first run on rendered drives, then on IDD in a folder of camvid, then on CamVid."""
    idd = make_tiny_idd(tmp_path / 'idd')
    for split in ('train', 'val'):
        make_tiny_camvid(tmp_path / 'camvid', split, 2)
    assert _export(trained, '--stride', '1') == 0
    start = trained / 'models' / 'tiny' / 'weights.pt'
    for name, kind in (('second', f'camvid={idd}'), ('third', f'camvid={tmp_path / "camvid"}')):
        assert main(['train', '--data', str(trained / 'data'), '--data', kind, '--out',
                     str(tmp_path / name), '--config', str(trained / 'train.yaml'), '--epochs',
                     '1', '--start-from', str(start)]) == 0
        start = tmp_path / name / 'checkpoint.pt'
    assert capsys.readouterr().err.count('so it is idd: --repeat and --stride camvid=N') == 1
    assert main(['export', str(start), str(tmp_path / 'model'), '--stride', '1', '--data',
                 str(trained / 'data')]) == 0
    terms = load_model_files(tmp_path / 'model').spec.terms
    assert [text.split(':')[0] for text in terms] == [
        'rendered by this package', 'India Driving Dataset (Varma et al. 2019)',
        'CamVid (Brostow et al. 2009)']
    assert f'terms of its training data: {"; ".join(terms)}' in capsys.readouterr().out


def test_weights_without_a_record_give_a_model_that_says_so(trained, tmp_path):
    assert _export(trained, '--stride', '1') == 0
    copied = shutil.copy(trained / 'models' / 'tiny' / 'weights.pt', tmp_path)
    assert main(['export', str(copied), str(tmp_path / 'model'), '--stride', '1', '--data',
                 str(trained / 'data')]) == 0
    assert load_model_files(tmp_path / 'model').spec.terms == (
        UNKNOWN_START, 'rendered by this package: Apache-2.0')


def test_a_stride_takes_every_nth_frame_of_its_data_set(folder, tmp_path, capsys):
    for split in ('train', 'val'):
        make_tiny_camvid(tmp_path / 'camvid', split, 5)
    words = ['--data', f'camvid={tmp_path / "camvid"}', '--stride', 'camvid=2', '--stride',
             'world=8', '--repeat', 'world=2']
    assert main(['train', '--data', str(folder / 'data'), *words, '--out', str(tmp_path / 'run'),
                 '--config', str(folder / 'train.yaml'), '--epochs', '1', '--batch', '5']) == 0
    progress = read_checkpoint(tmp_path / 'run' / 'checkpoint.pt').progress
    assert progress.images == 2 * 1 + 3
    assert progress.data[1] == {'kind': 'camvid', 'frames': 3, 'stride': 2, 'repeat': 1}
    held = 6 * ((1 + 2) * 32 * 64 + (3 + 5) * 36 * 64)  # with validation, camvid's pixels square
    assert f'{held / 1e6:.1f} MB of frames' in capsys.readouterr().out


def test_a_repeat_of_no_set_is_refused(folder, capsys):
    assert _train(folder, '--repeat', 'camvid=2') != 0
    assert 'camvid' in capsys.readouterr().err


def test_a_finished_run_opens_no_data(trained, capsys):
    assert main(['train', '--data', str(trained / 'moved'), '--out', str(trained / 'run'),
                 '--config', str(trained / 'train.yaml'), '--epochs', '2']) == 0
    reported = capsys.readouterr().out
    assert 'run is finished' in reported and 'more --epochs' in reported and '2 epochs' in reported


def test_a_run_is_continued_with_its_own_settings_and_not_with_others(trained, tmp_path, capsys):
    words = ['train', '--data', str(trained / 'data'), '--out', str(trained / 'run')]
    assert main(words) == 0  # not those of a new run: 12 epochs of batches of 12, 320x192 px
    assert 'run is finished' in capsys.readouterr().out
    (tmp_path / 'other.yaml').write_text('beta: 0.9\nepochs: 3')
    assert main([*words, '--config', str(tmp_path / 'other.yaml')]) == 2
    assert 'holds a run with another beta' in capsys.readouterr().err


def test_a_run_is_not_continued_on_other_data(trained, tmp_path, capsys):
    make_tiny_camvid(tmp_path / 'camvid', 'train', 3)
    make_tiny_camvid(tmp_path / 'camvid', 'val', 1)
    words = ['--data', f'camvid={tmp_path / "camvid"}', '--repeat', 'camvid=2', '--epochs', '3']
    assert _train(trained, *words) == 2
    assert ('on world (8 frames, stride 1, repeat 1), not on world (8 frames, stride 1, '
            'repeat 1), camvid (3 frames, stride 1, repeat 2)') in capsys.readouterr().err
    assert read_checkpoint(trained / 'run' / 'checkpoint.pt').progress.epoch == 2


def test_epochs_replace_the_minutes_of_the_yaml(folder, tmp_path):
    (tmp_path / 'clock.yaml').write_text(YAML + 'minutes: 1.0e-9')
    words = ['train', '--data', str(folder / 'data'), '--config', str(tmp_path / 'clock.yaml')]
    assert main([*words, '--out', str(tmp_path / 'clock')]) == 0
    assert main([*words, '--out', str(tmp_path / 'asked'), '--epochs', '2']) == 0
    clock, asked = (read_checkpoint(tmp_path / name / 'checkpoint.pt')
                    for name in ('clock', 'asked'))
    assert clock.progress.images < 8 and asked.progress.epoch == 2
    assert (asked.config.epochs, asked.config.minutes) == (2, 0)


def test_epochs_and_minutes_at_once_are_refused(folder, capsys):
    with pytest.raises(SystemExit) as caught:
        _train(folder, '--epochs', '2', '--minutes', '1')
    assert caught.value.code == 2
    assert '--minutes: not allowed with argument --epochs' in capsys.readouterr().err


def _train_and_export(folder, *words):
    """Make a run and a model in a folder of their own."""
    data = [word for path in words for word in ('--data', str(path))]
    assert main(['train', *data, '--out', str(folder / 'run'), '--config',
                 str(folder / 'train.yaml'), '--epochs', '1']) == 0
    assert main(['export', str(folder / 'run' / 'checkpoint.pt'), str(folder / 'model'), *data,
                 '--stride', '1']) == 0


def test_without_validation_frames_sigma_is_not_scaled(
        tmp_path, capsys):
    (tmp_path / 'train.yaml').write_text(YAML)
    make_tiny_drives(tmp_path / 'data', drives=1, frames=4)
    _train_and_export(tmp_path, tmp_path / 'data')
    reported = capsys.readouterr().out
    assert 'no validation frames: no best.pt is written' in reported
    assert 'sigma was not scaled: no --data has validation frames with depth' in reported


def test_sigma_is_scaled_on_every_data_set_with_depth(tmp_path, capsys):
    (tmp_path / 'train.yaml').write_text(YAML)
    make_tiny_drives(tmp_path / 'data', drives=1, frames=4)
    for split in ('train', 'val'):
        make_tiny_kitti(tmp_path / 'kitti', split, 3)
        make_tiny_camvid(tmp_path / 'camvid', split, 2)
    _train_and_export(tmp_path, tmp_path / 'data', f'kitti_depth={tmp_path / "kitti"}',
                      f'camvid={tmp_path / "camvid"}')
    assert 'interval on 6 validation frames' in capsys.readouterr().out


def test_an_export_of_too_few_frames_names_the_stride(trained, capsys):
    assert _export(trained, '--stride', '8') == 2
    assert ('--stride 8 takes 1 of the 8 frames of --data, need at least 2'
            in capsys.readouterr().err)


def test_too_few_cells_of_every_class_form_one_class(
        trained, tmp_path, capsys):
    make_tiny_camvid(tmp_path / 'camvid', 'train', 2)
    model = trained / 'models' / 'tiny'
    assert _export(trained, '--stride', '1') == 0
    assert 'one class' not in capsys.readouterr().out
    assert main(['export', str(model / 'weights.pt'), str(tmp_path / 'model'), '--stride', '1',
                 '--data', f'camvid={tmp_path / "camvid"}']) == 0
    reported = capsys.readouterr().out
    assert '0 of 11 classes have enough cells' in reported and 'form one class' in reported


def test_the_documented_defaults_are_those_of_the_config():
    config = TrainConfig()
    assert DEFAULTS == {name: getattr(config, name) for name in DEFAULTS}


@pytest.mark.parametrize(('command', 'options'), [
    ('train', ['--repeat', '--stride', '--start-from', '--epochs', '--minutes', '--batch',
               '--patience', '--seed', '--threads']),
    ('export', ['--name', '--chunk', '--stride'])])
def test_the_help_names_every_default(capsys, command, options):
    with pytest.raises(SystemExit):
        main([command, '--help'])
    printed = capsys.readouterr().out.partition('options:')[2]
    for option in options:
        assert '(default: ' in ' '.join(printed.partition(f'\n  {option} ')[2].partition(
            '\n  --')[0].split()), option


def test_every_split_is_listed_before_a_frame_is_decoded(
        folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(WorldDataset, '__getitem__', lambda data, index: pytest.fail('decoded'))
    make_tiny_camvid(tmp_path / 'camvid', 'train', 1)  # and no split val
    assert main(['train', '--data', str(folder / 'data'), '--data',
                 f'camvid={tmp_path / "camvid"}', '--out', str(tmp_path / 'run')]) == 2
    assert 'val is not a folder' in capsys.readouterr().err


def test_patience_requires_validation_frames(
        folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(WorldDataset, '__getitem__', lambda data, index: pytest.fail('decoded'))
    make_tiny_drives(tmp_path / 'data', drives=1, frames=1)
    assert main(['train', '--data', str(tmp_path / 'data'), '--out', str(tmp_path / 'run'),
                 '--config', str(folder / 'train.yaml'), '--patience', '3']) == 2
    assert 'no validation frames to evaluate' in capsys.readouterr().err


def test_a_run_can_start_from_weights_of_another_size(trained, tmp_path):
    large = YAML.replace('height: 32, width: 64, canonical_focal_px: 50',
                         'height: 64, width: 128, canonical_focal_px: 100')
    (tmp_path / 'large.yaml').write_text(large + 'learning_rate: 1.0e-9\npretrained: false')
    words = ['--data', str(trained / 'data'), '--out', str(tmp_path / 'run'), '--epochs', '1']
    before = trained / 'run' / 'checkpoint.pt'
    assert main(['train', *words, '--config', str(tmp_path / 'large.yaml'),
                 '--start-from', str(before)]) == 0
    first, second = read_checkpoint(before), read_checkpoint(tmp_path / 'run' / 'checkpoint.pt')
    assert second.config.network.height == 64
    name = 'decoder.heads.weight'
    torch.testing.assert_close(second.network[name], first.network[name], atol=1e-6, rtol=0)


def test_a_run_can_start_from_an_exported_model(trained, tmp_path):
    assert _export(trained, '--stride', '1') == 0
    exported = trained / 'models' / 'tiny' / 'weights.pt'
    (tmp_path / 'slow.yaml').write_text(YAML + 'learning_rate: 1.0e-9\npretrained: false')
    assert main(['train', '--data', str(trained / 'data'), '--out', str(tmp_path / 'run'),
                 '--epochs', '1', '--config', str(tmp_path / 'slow.yaml'),
                 '--start-from', str(exported)]) == 0
    first = read_network(exported).state_dict()
    second = read_network(tmp_path / 'run' / 'checkpoint.pt').state_dict()
    for name, tensor in first.items():
        if 'running' not in name and 'num_batches' not in name:
            torch.testing.assert_close(second[name], tensor, atol=1e-6, rtol=0)


def test_weights_of_another_network_are_refused(trained, tmp_path, capsys):
    wide = tmp_path / 'wide.yaml'
    wide.write_text(YAML.replace('[8, 6, 5, 4]', '[8, 8, 8, 8]'))
    assert main(['train', '--data', str(trained / 'data'), '--out', str(tmp_path / 'run'),
                 '--config', str(wide), '--start-from',
                 str(trained / 'run' / 'checkpoint.pt')]) != 0
    error = capsys.readouterr().err
    assert 'decoder_channels (8, 6, 5, 4), not (8, 8, 8, 8)' in error and len(error) < 400


def _camvid_alone(folder):
    for split, frames in (('train', 3), ('val', 1)):
        make_tiny_camvid(folder / 'camvid', split, frames)
    return f'camvid={folder / "camvid"}'


def _unlabelled_world(folder):
    make_tiny_drives(folder / 'world', drives=1, frames=3)
    for path in folder.glob('world/*/classes/*.png'):
        cv2.imwrite(str(path), np.full((32, 64), 255, np.uint8))
    return str(folder / 'world')


@pytest.mark.parametrize(('make', 'task'), [
    (_camvid_alone, 'depth'), (_unlabelled_world, 'classes')])
def test_a_task_without_ground_truth_is_not_exported(
        folder, tmp_path, capsys, make, task):
    data, run = make(tmp_path), tmp_path / 'run'
    assert main(['train', '--data', data, '--out', str(run), '--config',
                 str(folder / 'train.yaml'), '--epochs', '1']) == 0
    error = capsys.readouterr().err
    before = error.index(f'no --data has ground truth of {task}')
    assert before < error.index(f'was not trained on {task}')
    assert main(['export', str(run / 'checkpoint.pt'), str(tmp_path / 'model'), '--data', data,
                 '--stride', '1']) == 2
    error = capsys.readouterr().err
    assert f'was not trained on {task}:' in error and '`bdl render`' in error
    assert not (tmp_path / 'model').exists()


def test_the_same_network_is_exported_at_another_size(trained, capsys):
    make_tiny_drives(trained / 'larger', drives=1, frames=4, height=48, width=96)
    assert _export(trained, '--stride', '1') == 0
    small, large = trained / 'models' / 'tiny', trained / 'models' / 'large'
    capsys.readouterr()
    assert main(['export', str(small / 'weights.pt'), str(large), '--size', '96x48', '--stride',
                 '1', '--data', str(trained / 'larger')]) == 0
    printed = capsys.readouterr().out
    assert 'trained at 64x32 px; at 96x48' in printed and 'sigma was not scaled' in printed
    before, after = load_model_files(small).spec, load_model_files(large).spec
    assert (after.width, after.height, after.sample_width) == (96, 48, 24)
    assert after.canonical_focal_px == before.canonical_focal_px
    assert after.perceive_sha256 != before.perceive_sha256
    state = [read_network(one / 'weights.pt').state_dict() for one in (small, large)]
    assert all(torch.equal(state[0][name], state[1][name]) for name in state[0])
    backend = OnnxRuntimeBackend(load_model_files(large), threads=1)
    frame = WorldDataset(trained / 'larger', 'train')[0]
    assert backend.perceive(frame.rgb).depth.shape == (48, 96)


@pytest.mark.parametrize(('size', 'data', 'message'), [
    ('96x48', 'data', 'frames of 64x32 px, below --size 96x48'),
    ('96x50', 'data', 'height is 50 px, must be a multiple of 16'),
])
def test_a_size_that_does_not_fit_is_refused(trained, capsys, size, data, message):
    assert main(['export', str(trained / 'run' / 'checkpoint.pt'), str(trained / 'm'), '--size',
                 size, '--data', str(trained / data)]) == 2
    assert message in capsys.readouterr().err and not (trained / 'm').exists()


def test_a_size_is_two_numbers(trained, capsys):
    with pytest.raises(SystemExit):
        _export(trained, '--size', '640')
    assert "'640' must be WIDTHxHEIGHT" in capsys.readouterr().err
