# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets.base import TrainingSample
from bdl_perception.datasets.rendered import WorldDataset
from bdl_perception.training import learner, loop
from bdl_perception.training.augment import AugmentConfig
from bdl_perception.training.batches import (
    Batch,
    choose_precision,
    evenly_spaced,
    make_batch,
    ordered_batches,
    Precision,
    training_batches,
)
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.loop import MIN_RATE_SHARE, one_cycle, TrainingRun
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from tiny_drives import make_tiny_drives
from tiny_network import TINY
import torch


def _samples(count):
    """Make frames; all maps of one hold its index."""
    size = (TINY.height, TINY.width)
    return [TrainingSample(np.full((*size, 3), k, np.uint8), np.full(size, 1 + k, np.float32),
                           np.full(size, k % 11, np.uint8), TINY.canonical_focal_px)
            for k in range(count)]


@pytest.mark.parametrize('corner', [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_truth_is_one_pixel_of_each_2x2_square(corner):
    rng = np.random.default_rng(0)
    size = (TINY.height, TINY.width)
    depth = rng.uniform(2, 40, size).astype(np.float32)
    classes = rng.integers(0, 11, size, dtype=np.uint8)
    rgb = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    sample = TrainingSample(rgb, depth, classes, TINY.canonical_focal_px)
    batch = make_batch([sample], TINY, [corner])
    assert len(batch) == 1
    np.testing.assert_array_equal(batch.rgb[0, 2], rgb[..., 2])
    picked = (5 * 2 + corner[0], 7 * 2 + corner[1])
    assert float(batch.log_depth[0, 5, 7].exp()) == pytest.approx(depth[picked], rel=1e-5)
    assert batch.classes[0, 5, 7] == classes[picked]


def test_truth_is_in_the_canonical_camera():
    sample = _samples(8)[7]
    wide = TrainingSample(sample.rgb, sample.depth, sample.classes, TINY.canonical_focal_px / 2)
    found = make_batch([sample, wide], TINY, [(0, 0), (1, 1)]).log_depth[:, 0, 0].exp()
    torch.testing.assert_close(found, torch.tensor([8., 16.]))


def test_an_epoch_has_full_batches_without_repetition():
    rng = np.random.default_rng(0)
    quiet = AugmentConfig(exposure=0, contrast=0, saturation=0, tint=0, noise=0, blur=0, jpeg=0)
    batches = list(training_batches(_samples(7), 3, rng, TINY, quiet))
    found = [int(frame[0, 0, 0]) for batch in batches for frame in batch.rgb]
    assert [len(batch) for batch in batches] == [3, 3]
    assert len(found) == len({*found}) == 6


def test_ordered_batches_contain_all_indices_in_order():
    batches = list(ordered_batches(_samples(7), 3, [6, 0, 2, 1], TINY))
    assert [int(frame[0, 0, 0]) for batch in batches for frame in batch.rgb] == [6, 0, 2, 1]


def _ramp():
    """Make a frame with the centre of the row as depth and the column parity as class."""
    rows = np.arange(TINY.height, dtype=np.float32)[:, None] + .5
    across = np.arange(TINY.width) % 2
    depth, sides = np.broadcast_arrays(rows, across.astype(np.uint8))
    return TrainingSample(np.zeros((*depth.shape, 3), np.uint8), depth.copy(), sides.copy(),
                          TINY.canonical_focal_px)


def _rows_off(batches):
    """Return the mean distance of the truth from the centres of decoder pixels, in px."""
    middles = torch.arange(TINY.height // 2)[None, :, None] * 2. + 1
    depth = torch.cat([batch.log_depth for batch in batches]).exp()
    return float((depth - middles).mean())


def test_validation_truth_is_centred_on_decoder_pixels():
    batches = list(ordered_batches([_ramp()] * 8, 3, range(8), TINY))
    assert _rows_off(batches) == pytest.approx(0, abs=1e-4)
    sides = torch.cat([batch.classes for batch in batches]).float()
    assert float(sides.mean()) == pytest.approx(.5)


def test_training_truth_is_centred_on_decoder_pixels():
    quiet = AugmentConfig(flip=0, zoom=1, exposure=0, contrast=0, saturation=0, tint=0, noise=0,
                          blur=0, jpeg=0)
    batches = list(training_batches([_ramp()] * 300, 1, np.random.default_rng(0), TINY, quiet))
    assert _rows_off(batches) == pytest.approx(0, abs=.1)  # four standard errors of a coin


@given(st.integers(1, 500), st.integers(1, 500))
def test_evenly_spaced_indices_span_the_whole_range(count, max_count):
    found = evenly_spaced(count, max_count)
    assert len(found) == len({*found}) == min(count, max_count)
    assert found == sorted(found) and found[0] == 0
    assert max_count == 1 or found[-1] == count - 1


@given(st.floats(0, 1), st.floats(0, .9))
def test_the_learning_rate_stays_within_its_limits(progress, warm_up):
    assert MIN_RATE_SHARE * .999 <= one_cycle(progress, warm_up) <= 1.001


def test_the_learning_rate_rises_then_falls():
    assert one_cycle(0, .1) == one_cycle(1, .1) == pytest.approx(MIN_RATE_SHARE)
    assert one_cycle(.1, .1) == 1
    assert one_cycle(.55, .1) == pytest.approx(.5, abs=1e-3)


CONFIG = TrainConfig(epochs=1, batch=2, threads=1, validation_frames=3, network=TINY,
                     augment=AugmentConfig(jpeg=0))
CPU = torch.device('cpu')


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def test_without_a_gpu_auto_is_the_cpu_in_float32(no_gpu):
    for device in ('auto', 'cpu'):
        assert choose_precision(device, mixed_precision=True) == Precision(CPU, None)


def test_cuda_without_a_gpu_is_rejected_with_a_remedy(no_gpu):
    with pytest.raises(ValueError, match='torch sees no GPU.*set device to cpu'):
        choose_precision('cuda', mixed_precision=True)


@pytest.mark.parametrize(('mixed', 'bfloat16', 'half'), [
    (False, True, None), (True, True, torch.bfloat16), (True, False, torch.float16)])
def test_a_gpu_has_the_local_rank_and_its_half_precision(monkeypatch, mixed, bfloat16,
                                                         half):
    chosen = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda: bfloat16)
    monkeypatch.setattr(torch.cuda, 'set_device', chosen.append)
    monkeypatch.setenv('LOCAL_RANK', '1')
    device = torch.device('cuda', 1)
    assert choose_precision('auto', mixed) == Precision(device, half) and chosen == [device]


def test_only_float16_scales_its_gradients():
    assert Precision(CPU, torch.float16).grad_scaler().is_enabled()
    for half in (None, torch.bfloat16):
        assert not Precision(CPU, half).grad_scaler().is_enabled()


def test_all_tensors_of_a_batch_are_moved():
    batch = Batch(torch.rand(2, 3, 4, 4), torch.rand(2, 2, 2), torch.ones(2, 2, 2).byte(),
                  torch.zeros(2, 2, 2).bool())
    moved = Precision(torch.device('meta')).batch_to_device(batch)
    tensors = (moved.rgb, moved.log_depth, moved.classes, moved.outliers)
    assert {tensor.device.type for tensor in tensors} == {'meta'}


@pytest.mark.parametrize('half', [torch.bfloat16, torch.float16])
def test_half_precision_trains_nearly_the_same(tmp_path, monkeypatch, half):
    monkeypatch.setattr(loop, 'plot_curves', lambda *_: None)
    dtypes = []
    monkeypatch.setattr(learner, 'regression_loss', _spy(learner.regression_loss, dtypes))
    data = WorldDataset(make_tiny_drives(tmp_path / 'drives'), 'train', TINY.height, TINY.width)
    rows = []
    for precision in (Precision(CPU), Precision(CPU, half)):
        run = TrainingRun(CONFIG, tmp_path / str(precision.autocast_dtype), precision=precision)
        inside = []
        run.learner.network.decoder.heads.register_forward_hook(
            lambda module, args, maps, inside=inside: inside.append(maps.dtype))
        rows.append(run.train(data, data).history[-1])
        assert {value.dtype for value in run.learner.network.parameters()} == {torch.float32}
        assert inside[0] == (precision.autocast_dtype or torch.float32)
    assert set(dtypes) == {torch.float32}
    assert rows[1]['loss'] == pytest.approx(rows[0]['loss'], rel=.02)
    assert rows[1]['loss'] != rows[0]['loss']
    again = TrainingRun(CONFIG, tmp_path / str(half), precision=Precision(CPU, half))
    assert again.progress.epoch == 1


def _spy(function, dtypes):
    def called(mean, *others):
        dtypes.append(mean.dtype)
        return function(mean, *others)
    return called
