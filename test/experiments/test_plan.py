# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json

from bdl_perception.experiments.config import FULL, QUICK, read_tier, Tier
from bdl_perception.experiments.plan import make_run_spec, plan_runs
import pytest
from source_tree import ROOT

SAFETY = ROOT / 'docs' / 'experiments' / 'safety'


@pytest.mark.parametrize('tier', [FULL, QUICK], ids=lambda tier: tier.name)
def test_run_names_are_unique_and_valid_file_names(tier):
    names = [run.name for run in plan_runs(tier, 2)]
    assert len(set(names)) == len(names)
    assert not any(set(name) & set('/ *?.') for name in names)


@pytest.mark.parametrize('tier', [FULL, QUICK], ids=lambda tier: tier.name)
def test_all_runs_but_the_longer_one_have_equally_many_frames(tier):
    images = {run.images for run in plan_runs(tier, 2) if run.kind != 'longer'}
    assert len(images) == 1
    assert images.pop() == pytest.approx(tier.images, rel=.1)


def test_the_longer_run_has_three_times_the_frames():
    longer, default = (make_run_spec(FULL, kind, 1., 1, 2) for kind in ('longer', 'both'))
    assert longer.images == 3 * default.images
    assert replace(longer.config, epochs=default.config.epochs) == default.config


def test_the_results_in_docs_are_those_of_the_plan():
    planned = {run.name: run.digest for run in plan_runs(read_tier(FULL, SAFETY / 'tier.yaml'), 2)}
    found = [json.loads(path.read_text()) for path in (SAFETY / 'runs').glob('*.json')]
    assert {result['name']: result['hash'] for result in found} == planned


def test_all_runs_have_different_hashes():
    hashes = [run.digest for run in plan_runs(FULL, 2)]
    assert len(set(hashes)) == len(hashes)


def test_the_full_plan_has_every_ablation_on_every_seed():
    runs = plan_runs(FULL, 2)
    for kind in ('none', 'aleatoric', 'epistemic', 'everywhere'):
        assert [run.seed for run in runs if run.kind == kind] == [1, 2, 3]
    assert len([run for run in runs if run.kind == 'both']) == 9
    assert 25 <= len(runs) <= 40
    assert {'deep_encoder', 'longer'} <= {run.kind for run in runs}


def test_the_configuration_of_a_kind_matches_its_name():
    none, weight, raw = (make_run_spec(FULL, kind, 1., 1, 2).config
                         for kind in ('none', 'weight_20', 'raw_features'))
    assert none.network.dropout == 'none' and not none.aleatoric
    assert weight.depth_weight == .2 and weight.aleatoric
    assert not raw.network.normalise and raw.network.dropout == 'deep'
    deep = make_run_spec(FULL, 'deep_encoder', 1., 1, 2)
    assert deep.config.network.mask_channels == (64, 128, 64)


def test_the_hash_depends_on_the_configuration_not_on_threads():
    first, threads = make_run_spec(FULL, 'both', 1., 1, 1), make_run_spec(FULL, 'both', 1., 1, 2)
    assert first.digest == threads.digest
    others = [make_run_spec(replace(FULL, images=10_000), 'both', 1., 1, 1),
              make_run_spec(replace(FULL, samples=8), 'both', 1., 1, 1),
              make_run_spec(FULL, 'both', .5, 1, 1)]
    assert len({first.digest, *(other.digest for other in others)}) == 4


def test_the_first_seed_comes_first():
    seeds = [run.seed for run in plan_runs(FULL, 2)]
    assert seeds == sorted(seeds)


def test_a_yaml_file_changes_a_tier(tmp_path):
    (tmp_path / 'tier.yaml').write_text('images: 99\nseeds: [4, 5]\n')
    tier = read_tier(QUICK, tmp_path / 'tier.yaml')
    assert (tier.images, tier.seeds, tier.height) == (99, (4, 5), QUICK.height)


def test_a_wrong_name_in_the_yaml_file_is_named(tmp_path):
    (tmp_path / 'tier.yaml').write_text('frames: 99\n')
    with pytest.raises(ValueError, match='frames'):
        read_tier(QUICK, tmp_path / 'tier.yaml')


@pytest.mark.parametrize(('change', 'message'), [
    ({'samples': 1}, 'samples is 1'), ({'shares': (.5,)}, 'with 1 itself'),
    ({'seeds': (1, 1)}, 'different'), ({'conditions': ('sun',)}, 'not held out')])
def test_an_invalid_tier_is_rejected(change, message):
    with pytest.raises(ValueError, match=message):
        Tier(**change)


def test_an_unknown_variant_is_named():
    with pytest.raises(ValueError, match='magic'):
        plan_runs(replace(QUICK, variants=('magic',)), 1)
