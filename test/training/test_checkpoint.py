# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields, replace
import math
from pathlib import Path
import pickle

from bdl_perception.network.losses import TaskWeights
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.checkpoint import (
    check_same_network,
    Checkpoint,
    Progress,
    read_checkpoint,
    read_network,
    SIZE_FIELDS,
    UNKNOWN_DATA,
    UNKNOWN_START,
    write_checkpoint,
)
from bdl_perception.training.config import TrainConfig
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY
import torch


def _checkpoint(epoch=3):
    network = make_tiny_network()
    return Checkpoint(TrainConfig(network=TINY), network.state_dict(), TaskWeights().state_dict(),
                      torch.optim.AdamW(network.parameters()).state_dict(),
                      Progress(epoch=epoch, history=[{'loss': .5}]))


def test_a_written_checkpoint_is_read_back(tmp_path):
    path = tmp_path / 'checkpoint.pt'
    write_checkpoint(path, _checkpoint())
    found = read_checkpoint(path)
    assert found.config == TrainConfig(network=TINY)
    assert found.progress == Progress(epoch=3, history=[{'loss': .5}])
    rgb = draw_frames(1).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        torch.testing.assert_close(found.build_network()(rgb).logits,
                                   make_tiny_network()(rgb).logits)


def test_a_checkpoint_without_training_sets_is_read(tmp_path):
    write_checkpoint(tmp_path / 'c.pt', _checkpoint())
    values = torch.load(tmp_path / 'c.pt', weights_only=True)
    del values['progress']['data']
    torch.save(values, tmp_path / 'c.pt')
    assert read_checkpoint(tmp_path / 'c.pt').progress == _checkpoint().progress


def test_the_training_sets_are_read_back(tmp_path):
    stored = _checkpoint()
    stored.progress.data = [{'kind': 'camvid', 'frames': 367, 'stride': 1, 'repeat': 5}]
    write_checkpoint(tmp_path / 'c.pt', stored)
    assert read_checkpoint(tmp_path / 'c.pt').progress.data == stored.progress.data


def test_the_terms_are_those_of_the_initial_weights_and_of_the_run():
    data = [{'kind': kind, 'frames': 1, 'stride': 1, 'repeat': 1} for kind in (
        'world', 'idd', 'idd', 'moon')]
    found = Progress(data=data, start_terms=['CamVid: research']).terms
    assert found == ('CamVid: research', 'rendered by this package: Apache-2.0',
                     'India Driving Dataset (Varma et al. 2019): research use, non-commercial',
                     'data set moon: its terms are not known')
    assert Progress(data=data[:1], start_terms=list(found)).terms == found


def test_what_an_old_checkpoint_did_not_record_is_reported():
    assert Progress().terms == (UNKNOWN_START, UNKNOWN_DATA)
    assert Progress(start_terms=[]).terms == (UNKNOWN_DATA,)


def test_a_network_from_a_checkpoint_is_in_evaluation_mode(tmp_path):
    write_checkpoint(tmp_path / 'c.pt', _checkpoint())
    assert not read_checkpoint(tmp_path / 'c.pt').build_network().training


def test_writing_leaves_one_file(tmp_path):
    for epoch in (1, 2):
        write_checkpoint(tmp_path / 'c.pt', _checkpoint(epoch))
    assert [path.name for path in tmp_path.iterdir()] == ['c.pt']
    assert read_checkpoint(tmp_path / 'c.pt').progress.epoch == 2


def test_a_kill_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'c.pt'
    write_checkpoint(path, _checkpoint(1))

    def half(values, file):
        file.write(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, 'save', half)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(path, _checkpoint(2))
    assert read_checkpoint(path).progress.epoch == 1


@pytest.mark.parametrize(('scores', 'best'), [
    ([], 0), ([None, None], 0), ([math.nan, math.nan], 0), ([.5, .3, .4], 2), ([.3, .3], 1),
    ([None, .9, math.nan, .2], 4)])
def test_the_best_epoch_is_the_first_of_the_lowest_score(scores, best):
    rows = [{'epoch': epoch} if score is None else {'epoch': epoch, 'validation_score': score}
            for epoch, score in enumerate(scores, start=1)]
    assert Progress(history=rows).best_epoch == best


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ('raise SystemExit("the checkpoint ran code")',)


def test_a_checkpoint_with_code_is_rejected(tmp_path):
    torch.save({'format': 1, 'network': Bomb()}, tmp_path / 'c.pt')
    with pytest.raises(ValueError, match='is no checkpoint') as caught:
        read_checkpoint(tmp_path / 'c.pt')
    assert isinstance(caught.value.__cause__, pickle.UnpicklingError)


@pytest.mark.parametrize('content', [b'', b'no checkpoint', b'epochs: 2\n',
                                     b'PK\x03\x04 half a zip'])
def test_another_file_is_rejected_by_its_path(tmp_path, content):
    (tmp_path / 'c.pt').write_bytes(content)
    with pytest.raises(ValueError, match=r'c\.pt is no checkpoint of `bdl train`') as caught:
        read_checkpoint(tmp_path / 'c.pt')
    assert 'weights_only' not in str(caught.value)  # the hint of torch would run unknown code


def test_weights_of_another_version_give_a_short_message(tmp_path):
    stored = _checkpoint()
    del stored.network['decoder.heads.bias']
    write_checkpoint(tmp_path / 'c.pt', stored)
    for read in (read_network, lambda path: read_checkpoint(path).build_network()):
        with pytest.raises(ValueError, match=r'c\.pt is of another version') as caught:
            read(tmp_path / 'c.pt')
        assert 'heads' not in str(caught.value)


def test_another_format_is_rejected(tmp_path):
    torch.save({'format': 9}, tmp_path / 'c.pt')
    with pytest.raises(ValueError, match='has format 9'):
        read_checkpoint(tmp_path / 'c.pt')


@pytest.mark.parametrize(('part', 'value'), [
    ('network', None), ('progress', {'lap': 3}), ('config', {'colour': 'red'})])
def test_a_checkpoint_of_another_version_is_rejected(tmp_path, part, value):
    write_checkpoint(tmp_path / 'c.pt', _checkpoint())
    values = {**torch.load(tmp_path / 'c.pt', weights_only=True), part: value}
    torch.save({name: one for name, one in values.items() if one is not None}, tmp_path / 'c.pt')
    with pytest.raises(ValueError, match=r'c\.pt is a checkpoint of another version \(.*(network|'
                                         r'lap|colour)'):
        read_checkpoint(tmp_path / 'c.pt')


STORED = NetworkConfig()
OTHERS = {
    'encoder': 'efficientnet_lite0', 'encoder_channels': (8, 8, 8, 8),
    'decoder_channels': (8, 8, 8, 8), 'classes': 5, 'dropout': 'decoder',
    'dropout_probability': .4, 'concrete': True, 'normalise': False, 'log_depth_centre': 1.,
    'max_depth_m': 50.}


def test_every_field_is_compared_unless_it_is_a_size():
    assert {entry.name for entry in fields(NetworkConfig)} == {*OTHERS, *SIZE_FIELDS}


@pytest.mark.parametrize('name', OTHERS)
def test_weights_of_another_network_are_rejected_by_field(name):
    expected = replace(STORED, **{name: OTHERS[name]})
    with pytest.raises(ValueError, match=f'run.pt is of another network: {name} .*, not '):
        check_same_network(Path('run.pt'), STORED, expected)


@pytest.mark.parametrize(('width', 'height', 'focal_px'), [
    (160, 96, 125.), (640, 384, 500.), (416, 320, 325.), (320, 96, 250.), (96, 64, 74.9)])
def test_another_size_of_the_same_view_is_accepted(width, height, focal_px):
    check_same_network(Path('run.pt'), STORED, replace(
        STORED, width=width, height=height, canonical_focal_px=focal_px))


@pytest.mark.parametrize(('width', 'focal_px', 'right'), [(160, 250., 125), (320, 300., 250)])
def test_a_wrong_focal_length_is_rejected_with_the_right_one(width, focal_px, right):
    with pytest.raises(ValueError, match=f'canonical_focal_px of 250 at a width of 320.*{right}$'):
        check_same_network(Path('run.pt'), STORED, replace(
            STORED, width=width, canonical_focal_px=focal_px))
