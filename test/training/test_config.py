# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json

from bdl_perception.training.config import (
    config_from_dict,
    config_to_dict,
    read_config,
    TrainConfig,
)
import pytest


def _file(tmp_path, text):
    path = tmp_path / 'train.yaml'
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold():
    assert read_config(None) == TrainConfig()


def test_overrides_win_over_the_file_and_the_file_over_defaults(tmp_path):
    path = _file(tmp_path, 'batch: 3\nseed: 5\nnetwork: {width: 160, decoder_channels: '
                           '[8, 8, 8, 8]}\naugment: {flip: 0}\n')
    config = read_config(path, seed=9, epochs=None)
    assert (config.batch, config.seed, config.epochs) == (3, 9, TrainConfig().epochs)
    assert config.network.width == 160 and config.network.height == TrainConfig().network.height
    assert config.network.decoder_channels == (8, 8, 8, 8)
    assert config.augment.flip == 0 and config.augment.zoom == TrainConfig().augment.zoom


def test_a_continued_run_keeps_its_own_settings_where_no_others_are_given(tmp_path):
    stored = config_from_dict({'beta': 1., 'faithful': True, 'depth_weight': .2, 'epochs': 40,
                               'network': {'dropout': 'decoder', 'width': 160}})
    assert read_config(None, stored) == stored
    path = _file(tmp_path, 'beta: 0\nnetwork: {dropout: deep}\n')
    config = read_config(path, stored, epochs=50)
    assert (config.beta, config.epochs, config.network.dropout) == (0, 50, 'deep')
    assert (config.faithful, config.depth_weight, config.network.width) == (True, .2, 160)
    with pytest.raises(ValueError, match='network'):
        read_config(_file(tmp_path, 'network: 3'), stored)


def test_an_empty_file_changes_nothing(tmp_path):
    assert read_config(_file(tmp_path, '')) == TrainConfig()


def test_a_configuration_survives_a_round_trip():
    config = config_from_dict({'batch': 7, 'network': {'height': 64}})
    assert config_from_dict(json.loads(json.dumps(config_to_dict(config)))) == config


@pytest.mark.parametrize(('text', 'message'), [
    ('epoch: 3', r"training does not know \['epoch'\].*epochs"),
    ('network: {hight: 64}', r"network does not know \['hight'\]"),
    ('augment: {zoom: .1}', 'zoom is 0.1'),
    ('batch: 0', 'batch is 0'),
    ('learning_rate: 0', 'learning_rate is 0'),
    ('learning_rate: .nan', 'learning_rate is nan'),
    ('minutes: -1', 'minutes is -1'),
    ('patience: -1', 'patience is -1'),
    ('device: tpu', "device is 'tpu', known: auto, cpu, cuda"),
    ('beta: 2', 'beta is 2'),
    ('data_frames: -1', 'data_frames is -1'),
    ('tasks: none', "tasks is 'none', known: both, depth, classes"),
    ('likelihood: student', "likelihood is 'student', known: gaussian, laplace"),
    ('outlier_weight: .2', 'outlier_weight is 0.2.*outliers'),
    ('{outlier_weight: .2, tasks: depth, augment: {outliers: .4}}', "tasks is 'depth'"),
    ('variance_warm_up: 1', 'variance_warm_up is 1.*aleatoric'),
    ('batch: many', 'text where a number should be'),
    ('network: 3', 'network'),
    ('- 3', 'must hold names and values'),
    ('a: [', 'is not YAML'),
])
def test_an_error_in_a_file_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_config(_file(tmp_path, text))


@pytest.mark.parametrize('values', [{'batch': 2.5}, {'seed': 1.5}, {'network': {'height': 32.0}}])
def test_a_fraction_in_place_of_an_integer_is_named(values):
    with pytest.raises(ValueError, match='must be whole numbers'):
        config_from_dict(values)
