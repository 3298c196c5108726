# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from bdl_perception.experiments.mc_sampling import mc_forward, mc_masks
from bdl_perception.experiments.network_variants import (
    MasksemblesNetwork,
    N_MASKS,
    overlapping_masks,
)
from bdl_perception.network.model import Network
import numpy as np
import pytest
from tiny_network import draw_frames, TINY
import torch

DEEP = replace(TINY, dropout='deep')


@pytest.mark.parametrize('scale', [1.5, 2., 3.])
def test_masks_share_what_their_scale_says_and_each_keeps_equally_many(scale):
    masks = overlapping_masks(8, 64, scale)
    kept = [set(np.flatnonzero(mask)) for mask in masks]
    count, = {len(mask) for mask in kept}
    shared = [len(one & other) / count for index, one in enumerate(kept)
              for other in kept[index + 1:]]
    assert np.mean(shared) == pytest.approx(1 / scale, abs=.03)
    assert set.union(*kept) == set(range(64)) and max(shared) < 1


def test_a_scale_of_one_keeps_everything():
    assert overlapping_masks(3, 5, 1.).all()


def test_masks_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match='choose a smaller scale'):
        overlapping_masks(8, 2, 1000.)


def test_training_gives_each_picture_one_of_the_masks_that_it_is_measured_with():
    torch.manual_seed(0)
    network = MasksemblesNetwork(DEEP)
    choices, = mc_masks(network, 3)
    drawn, = network.draw_masks(100)
    chosen = {next(index for index, mask in enumerate(choices) if torch.equal(one, mask))
              for one in drawn}
    assert chosen == set(range(N_MASKS)) and drawn.shape == (100, 8, 1, 1)
    torch.testing.assert_close(choices.mean(1), torch.ones(N_MASKS, 1, 1))


def test_a_sample_is_the_plain_network_under_one_mask():
    torch.manual_seed(0)
    network = MasksemblesNetwork(DEEP).eval()
    plain = Network(DEEP).eval()
    plain.load_state_dict({name: value for name, value in network.state_dict().items()
                           if name != 'choices'})
    rgb = draw_frames(2).permute(0, 3, 1, 2).float()
    seen = mc_forward(network, rgb, mc_masks(network, 3), True)
    with torch.no_grad():
        wanted = torch.stack([plain(rgb, [mask[None]]).log_depth for mask in network.choices])
    torch.testing.assert_close(seen.samples.log_depth, wanted)
    assert (seen.epistemic > 0).any()


def test_there_must_be_one_layer_of_masks():
    with pytest.raises(ValueError, match="must be 'deep'"):
        MasksemblesNetwork(TINY)
