# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import math

from bdl_perception.network.decoder import (
    DEPTH_LOG_VARIANCE_BOUNDS,
    LOGIT_LOG_VARIANCE_BOUNDS,
    rms_normalised,
)
from bdl_perception.network.model import DROPOUT_MODES, ENCODER_STRIDES, Network, NetworkConfig
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY
import torch


def _frames(count, seed=0):
    return draw_frames(count, seed).permute(0, 3, 1, 2).float()


def test_maps_have_half_the_size_of_the_frame():
    maps = make_tiny_network()(_frames(2))
    assert maps.log_depth.shape == maps.depth_log_variance.shape == (2, 16, 32)
    assert maps.logits.shape == (2, 11, 16, 32)
    assert maps.logit_log_variance.shape == (2, 1, 16, 32)


def test_the_default_network_has_less_than_a_million_parameters():
    parameters = sum(value.numel() for value in Network(NetworkConfig()).parameters())
    assert 0.5e6 < parameters < 1e6


def test_masks_of_ones_are_the_deterministic_pass():
    network, frames = make_tiny_network(), _frames(2)
    ones = [torch.ones(2, channels, 1, 1) for channels in TINY.decoder_channels]
    for masked, plain in zip(network(frames, ones), network(frames), strict=True):
        torch.testing.assert_close(masked, plain)


@pytest.mark.parametrize('level', range(4))
def test_the_mask_of_every_level_reaches_both_tasks(level):
    network, frames = make_tiny_network(), _frames(1)
    masks = [torch.ones(1, channels, 1, 1) for channels in TINY.decoder_channels]
    plain = network(frames, masks)
    masks[level][:, ::2] = 0
    changed = network(frames, masks)
    assert (plain.log_depth - changed.log_depth).abs().max() > 1e-3
    assert (plain.logits - changed.logits).abs().max() > 1e-3


def test_one_encoded_frame_serves_many_samples():
    network, frames = make_tiny_network(), _frames(1)
    masks = network.draw_masks(3)
    features = network.encode(frames).features
    together = network.decode(features, masks)
    for sample in range(3):
        alone = network(frames, [mask[sample:sample + 1] for mask in masks])
        torch.testing.assert_close(together.log_depth[sample], alone.log_depth[0])
        torch.testing.assert_close(together.logits[sample], alone.logits[0])


def test_drawn_masks_follow_the_dropout_probability():
    torch.manual_seed(3)
    values = torch.cat([mask.flatten() for mask in make_tiny_network().draw_masks(4000)])
    assert set(values.tolist()) == {0., 1.25}
    assert float((values == 0).float().mean()) == pytest.approx(.2, abs=.01)
    assert float(values.mean()) == pytest.approx(1, abs=.01)


def test_masked_features_have_unit_length():
    x = torch.randn(2, 7, 3, 4)
    length = rms_normalised(x).square().mean(1)
    torch.testing.assert_close(length, torch.ones_like(length), atol=1e-2, rtol=0)
    torch.testing.assert_close(rms_normalised(x), rms_normalised(50 * x), atol=1e-2, rtol=0)
    assert not rms_normalised(torch.zeros(1, 7, 2, 2)).any()


def test_noise_stays_within_its_bounds_on_any_weights():
    network = make_tiny_network()
    with torch.no_grad():
        network.decoder.heads.bias[1:3] = torch.tensor([1e4, -1e4])
    maps = network(_frames(1))
    assert (maps.depth_log_variance == DEPTH_LOG_VARIANCE_BOUNDS[1]).all()
    assert (maps.logit_log_variance == LOGIT_LOG_VARIANCE_BOUNDS[0]).all()


def test_the_depth_head_predicts_what_differs_from_the_centre():
    network = make_tiny_network()
    with torch.no_grad():
        network.decoder.heads.weight[0] = 0
        network.decoder.heads.bias[0] = 0
    depth = network(_frames(1)).log_depth.exp()
    torch.testing.assert_close(depth, torch.full_like(depth, 15.))


def test_in_evaluation_mode_frames_of_a_batch_are_independent():
    network, frames = make_tiny_network(), _frames(3)
    alone = network(frames[1:2])
    torch.testing.assert_close(network(frames).log_depth[1], alone.log_depth[0])


@pytest.mark.parametrize('change', [
    {'height': 100}, {'width': 0}, {'dropout_probability': 1.}, {'dropout_probability': math.nan},
    {'decoder_channels': (8, 8, 8)}, {'encoder_channels': (8, 0, 8, 8)},
    {'canonical_focal_px': 0.}, {'max_depth_m': -1.}])
def test_an_invalid_config_is_rejected_with_the_field(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(TINY, **change)


@pytest.mark.parametrize('level', range(8))
def test_with_dropout_everywhere_each_of_eight_masks_matters(level):
    network = Network(replace(TINY, dropout='everywhere')).eval()
    frames = _frames(1)
    masks = [torch.ones(1, channels, 1, 1) for channels in network.config.mask_channels]
    plain = network(frames, masks)
    torch.testing.assert_close(plain.logits, network(frames).logits)
    masks[level][:, ::2] = 0
    assert (network(frames, masks).logits - plain.logits).abs().max() > 1e-6


@pytest.mark.parametrize('level', range(3))
def test_deep_encoder_dropout_masks_the_three_deepest_maps(level):
    network = Network(replace(TINY, dropout='deep_encoder')).eval()
    whole = Network(replace(TINY, dropout='everywhere')).eval()
    whole.load_state_dict(network.state_dict())
    masks = [torch.ones_like(mask) for mask in network.draw_masks(1)]
    masks[level][:, ::2] = 0
    every = [torch.ones_like(mask) for mask in whole.draw_masks(1)]
    every[2 + level] = masks[level]
    torch.testing.assert_close(network(_frames(1), masks), whole(_frames(1), every))
    assert not torch.equal(network(_frames(1), masks).logits, network(_frames(1)).logits)


@torch.no_grad()
@pytest.mark.parametrize('encoder', ENCODER_STRIDES)
@pytest.mark.parametrize('dropout', DROPOUT_MODES)
def test_forward_encoded_equals_forward_with_the_same_masks(encoder, dropout):
    torch.manual_seed(0)
    network = Network(replace(TINY, encoder=encoder, dropout=dropout)).eval()
    frames, masks = _frames(2), network.draw_masks(1)
    assert len(masks) == len(network.config.mask_channels)
    torch.testing.assert_close(network.forward_encoded(network.encode(frames), masks),
                               network(frames, masks))


@torch.no_grad()
@pytest.mark.parametrize('encoder', ENCODER_STRIDES)
@pytest.mark.parametrize('dropout', DROPOUT_MODES)
def test_without_masks_a_sample_is_the_deterministic_pass(encoder, dropout):
    network = Network(replace(TINY, encoder=encoder, dropout=dropout)).eval()
    frames = _frames(1)
    torch.testing.assert_close(network.forward_encoded(network.encode(frames), []),
                               network(frames, []))
    torch.testing.assert_close(network.encode(frames, []), network.encode(frames))


@torch.no_grad()
@pytest.mark.parametrize('encoder', ENCODER_STRIDES)
@pytest.mark.parametrize(('dropout', 'has', 'given'), [
    ('deep', 0, 1), ('deep_encoder', 2, 1), ('deep_encoder', 2, 3), ('everywhere', 4, 5)])
def test_another_number_of_encoder_masks_is_rejected(encoder, dropout, has, given):
    network = Network(replace(TINY, encoder=encoder, dropout=dropout)).eval()
    masks = [torch.ones(1, 1, 1, 1)] * given
    with pytest.raises(ValueError, match=f"is {given}, must be {has} with dropout '{dropout}'"):
        network.encode(_frames(1), masks)


@torch.no_grad()
def test_too_few_encoder_masks_are_rejected():
    network = Network(replace(TINY, dropout='everywhere')).eval()
    frames, masks = _frames(1), network.draw_masks(1)[:2]
    with pytest.raises(ValueError, match='is 2, must be 4'):
        network(frames, masks)
    with pytest.raises(ValueError, match='is 2, must be 4'):
        network.forward_encoded(network.encode(frames), masks)


def test_without_dropout_there_are_no_masks():
    network = Network(replace(TINY, dropout='none')).eval()
    assert network.draw_masks(2) == []
    torch.testing.assert_close(network(_frames(1), []).logits, network(_frames(1)).logits)


@pytest.mark.parametrize('normalise', [True, False])
def test_normalising_takes_the_size_out_of_what_is_masked(normalise):
    network = Network(replace(TINY, normalise=normalise)).eval()
    features = network.encode(_frames(1)).features
    masked = [network.decoder.level_maps([factor * feature for feature in features], None)[0]
              for factor in (3., 30.)]
    assert torch.allclose(*masked, rtol=1e-2) == normalise


@pytest.mark.parametrize('change', [{'encoder': 'resnet'}, {'dropout': 'sometimes'}])
def test_an_unknown_choice_is_rejected_with_the_known_ones(change):
    with pytest.raises(ValueError, match='known: '):
        NetworkConfig(**change)


def test_deep_dropout_masks_the_coarsest_map_alone():
    network, frames = Network(replace(TINY, dropout='deep')).eval(), _frames(1)
    mask, = network.draw_masks(1)
    assert mask.shape == (1, TINY.decoder_channels[0], 1, 1)
    every = [mask, *(torch.ones(1, channels, 1, 1) for channels in TINY.decoder_channels[1:])]
    torch.testing.assert_close(network(frames, [mask]).logits, network(frames, every).logits)
