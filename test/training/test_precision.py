# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training import learner
from bdl_perception.training import loop
from bdl_perception.training.augment import AugmentConfig
from bdl_perception.training.batches import Batch
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.datasets.world import WorldDataset
from bdl_perception.training.loop import Run
from bdl_perception.training.precision import choose_precision
from bdl_perception.training.precision import Precision
import pytest
from tiny_drives import make_tiny_drives
from tiny_network import TINY
import torch

CONFIG = TrainConfig(epochs=1, batch=2, threads=1, validation_frames=3, network=TINY,
                     augment=AugmentConfig(jpeg=0))
CPU = torch.device('cpu')


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def test_without_a_gpu_auto_is_the_cpu_in_float32(no_gpu):
    for device in ('auto', 'cpu'):
        assert choose_precision(device, mixed=True) == Precision(CPU, None)


def test_cuda_without_a_gpu_is_refused_with_advice(no_gpu):
    with pytest.raises(ValueError, match='torch sees no GPU.*set device to cpu'):
        choose_precision('cuda', mixed=True)


@pytest.mark.parametrize(('mixed', 'bfloat16', 'half'), [
    (False, True, None), (True, True, torch.bfloat16), (True, False, torch.float16)])
def test_a_gpu_is_that_of_the_local_rank_and_halves_what_it_can(monkeypatch, mixed, bfloat16,
                                                                half):
    chosen = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: bfloat16)
    monkeypatch.setattr(torch.cuda, 'set_device', chosen.append)
    monkeypatch.setenv('LOCAL_RANK', '1')
    device = torch.device('cuda', 1)
    assert choose_precision('auto', mixed) == Precision(device, half) and chosen == [device]


def test_only_float16_scales_its_gradients():
    assert Precision(CPU, torch.float16).scaler().is_enabled()
    for half in (None, torch.bfloat16):
        assert not Precision(CPU, half).scaler().is_enabled()


def test_a_batch_is_moved_whole():
    batch = Batch(torch.rand(2, 3, 4, 4), torch.rand(2, 2, 2), torch.ones(2, 2, 2).byte())
    moved = Precision(torch.device('meta')).moved(batch)
    assert {moved.rgb.device.type, moved.log_depth.device.type, moved.classes.device.type} == {
        'meta'}


@pytest.mark.parametrize('half', [torch.bfloat16, torch.float16])
def test_halves_teach_nearly_the_same_and_leave_whole_weights(tmp_path, monkeypatch, half):
    monkeypatch.setattr(loop, 'draw_curves', lambda *_: None)
    seen = []
    monkeypatch.setattr(learner, 'regression_loss', _spy(learner.regression_loss, seen))
    data = WorldDataset(make_tiny_drives(tmp_path / 'drives'), 'train', TINY.height, TINY.width)
    rows = []
    for precision in (Precision(CPU), Precision(CPU, half)):
        run = Run(CONFIG, tmp_path / str(precision.half), precision=precision)
        inside = []
        run.learner.network.decoder.heads.register_forward_hook(
            lambda module, args, maps, inside=inside: inside.append(maps.dtype))
        rows.append(run.train(data, data).history[-1])
        assert {value.dtype for value in run.learner.network.parameters()} == {torch.float32}
        assert inside[0] == (precision.half or torch.float32)
    assert set(seen) == {torch.float32}
    assert rows[1]['loss'] == pytest.approx(rows[0]['loss'], rel=.02)
    assert rows[1]['loss'] != rows[0]['loss']
    again = Run(CONFIG, tmp_path / str(half), precision=Precision(CPU, half))
    assert again.progress.epoch == 1


def _spy(function, seen):
    def called(mean, *others):
        seen.append(mean.dtype)
        return function(mean, *others)
    return called
