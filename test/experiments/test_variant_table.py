# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Against a count by hand, layer by layer: pixels of the output x kernel x channels."""
from bdl_perception.experiments.analytic_variance import N_FEATURES
from bdl_perception.experiments.config import FULL, Tier
from bdl_perception.experiments.network_variants import HIDDEN_CHANNELS, N_MASKS
from bdl_perception.experiments.plan import make_run_spec
from bdl_perception.experiments.variant_table import inference_cost
import pytest

TIER = Tier('tiny', height=32, width=64, encoder_channels=(4, 6, 8, 10),
            decoder_channels=(9, 7, 5, 3), samples=3)
HALF, QUARTER, EIGHTH, DEEP = 16 * 32, 8 * 16, 4 * 8, 2 * 4  # px
STAGES = (HALF * 9 * 3 * 4,
          QUARTER * 9 * (4 * 6 + 2 * 6 * 6),
          EIGHTH * 9 * (6 * 8 + 2 * 8 * 8),
          DEEP * (9 * (8 * 10 + 2 * 10 * 10) + 2 * (49 * 10 + 2 * 10 * 20)))
PROJECTION = (HALF * 4 * 3, QUARTER * 6 * 5, EIGHTH * 8 * 7, DEEP * 10 * 9)
HEADS = HALF * 3 * (11 + 3)
DECODER = (DEEP * 9 * 7 + EIGHTH * 9 * 7 * 7
           + EIGHTH * 7 * 5 + QUARTER * 9 * 5 * 5
           + QUARTER * 5 * 3 + HALF * (9 * 3 + 3 * 3)
           + HEADS)


def cost(kind):
    return inference_cost(make_run_spec(TIER, kind, 1., 1, 1))


@pytest.mark.parametrize('kind', ['both', 'none', 'decoder_raw', 'everywhere', 'spectral'])
def test_a_frame_pass_is_one_encoder_and_one_decoder(kind):
    assert cost(kind).frame == sum(STAGES) + sum(PROJECTION) + DECODER


@pytest.mark.parametrize('kind', ['both', 'decoder', 'longer'])
def test_decoder_dropout_samples_do_not_repeat_the_encoder(kind):
    assert cost(kind).samples == 3 * DECODER


def test_encoder_masks_repeat_the_layers_behind_the_first():
    assert cost('deep_encoder').samples == 3 * (STAGES[3] + sum(PROJECTION[2:]) + DECODER)
    assert cost('everywhere').samples == 3 * (sum(STAGES[1:]) + sum(PROJECTION) + DECODER)


def test_without_dropout_samples_cost_nothing():
    assert cost('none').samples == 0


def test_fixed_masks_cost_one_sample_each():
    assert cost('masksembles').samples == N_MASKS * DECODER


def test_each_randomised_prior_member_costs_the_heads_of_all():
    one_head = HALF * (3 * HIDDEN_CHANNELS + HIDDEN_CHANNELS * (11 + 3))
    decoder = DECODER - HEADS + 2 * N_MASKS * one_head  # each has a learned and a fixed one
    assert cost('randomised_prior').frame == sum(STAGES) + sum(PROJECTION) + decoder
    assert cost('randomised_prior').samples == N_MASKS * decoder


@pytest.mark.parametrize('kind', ['both', 'efficientnet_lite0', 'randomised_prior'])
def test_analytic_scores_cost_at_most_a_fifth_of_a_frame(kind):
    coarsest, finest = FULL.decoder_channels[0], FULL.decoder_channels[-1]
    deep, half = (FULL.height * FULL.width // stride ** 2 for stride in (16, 2))  # px
    largest = max(deep * (coarsest * N_FEATURES + N_FEATURES ** 2), deep * coarsest ** 2,
                  half * finest ** 2)
    assert largest <= inference_cost(make_run_spec(FULL, kind, 1., 1, 1)).frame / 5
