# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from functools import partial
from pathlib import Path

from bdl_perception.experiments import plan
from bdl_perception.experiments.config import FULL, QUICK, read_tier, Tier
from bdl_perception.experiments.plan import make_run_spec, plan_recipes, plan_runs
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.config import TrainConfig
import pytest

PAGE = Path(__file__).parents[2] / 'docs' / 'experiments' / 'safety'
TASKS = ('depth', 'classes', 'both')
PLAN = plan_runs(FULL, 'faithful', 1)


def spec(kind, task='depth', tier=FULL, winner='faithful', share=1., threads=1):
    return make_run_spec(tier, task, kind, winner, share, 1, threads)


@pytest.mark.parametrize('tier', [FULL, QUICK], ids=lambda tier: tier.name)
def test_run_names_are_unique_and_valid_file_names(tier):
    names = [run.name for run in plan_runs(tier, 'gaussian', 2)]
    assert len(set(names)) == len(names)
    assert not any(set(name) & set('/ *?.') for name in names)


@pytest.mark.parametrize('tier', [FULL, QUICK], ids=lambda tier: tier.name)
def test_all_runs_of_a_task_have_equally_many_steps(tier):
    runs = plan_runs(tier, 'gaussian', 2)
    for tasks, images in ((('depth', 'both'), tier.images), (('classes',), tier.class_images)):
        found = {run.images for run in runs if run.task in tasks}
        assert len(found) == 1 and found.pop() == pytest.approx(images, rel=.1)


def test_the_recipes_are_compared_first_with_all_data_and_the_first_seed():
    recipes = plan_recipes(FULL, 1)
    assert PLAN[:len(recipes)] == recipes
    assert {(run.task, run.share, run.seed) for run in recipes} == {('depth', 1., 1)}
    assert [run.kind for run in recipes] == list(FULL.recipes)


def test_the_winner_has_every_share_and_seed_and_those_ablations_that_claims_compare():
    for task in ('depth', 'classes'):
        winner = [run for run in PLAN if (run.task, run.kind) == (task, 'faithful')]
        assert sorted((run.share, run.seed) for run in winner) == [
            (share, seed) for share in (.25, .5, 1.) for seed in (1, 2, 3)]
        for kind, seeds in (('none', [1, 2, 3]), ('aleatoric', [1, 2, 3]),
                            ('other_masks', [1, 2, 3]), ('epistemic', [1])):
            assert [run.seed for run in PLAN if (run.task, run.kind) == (task, kind)] == seeds


def test_a_network_learns_the_tasks_of_its_name():
    assert {run.config.tasks for run in PLAN if run.name.startswith('depth_')} == {'depth'}
    assert {run.config.tasks for run in PLAN if run.name.startswith('classes_')} == {'classes'}
    both = [run for run in PLAN if run.task == 'both']
    assert [run.config.depth_weight for run in both] == [0, .2, .5, .8]


def test_the_ensemble_follows_its_members_which_keep_their_weights():
    names = [run.name for run in PLAN]
    for task in ('depth', 'classes'):
        ensemble, = (run for run in PLAN if (run.task, run.kind) == (task, 'ensemble'))
        assert ensemble.members == tuple(f'{task}_faithful_100_seed{seed}' for seed in (1, 2, 3))
        assert all(names.index(name) < names.index(ensemble.name) for name in ensemble.members)
        keep = {run.name for run in PLAN if run.keeps_weights and run.task == task}
        recipes = {run.name for run in PLAN[:len(FULL.recipes)] if run.task == task}
        assert keep == {*ensemble.members, *recipes}  # any recipe may win


def test_the_last_layer_is_sampled_for_the_first_seed_of_each_task():
    for task in ('depth', 'classes'):
        found, = (run for run in PLAN if (run.task, run.kind) == (task, 'laplace_samples'))
        assert found.members == (f'{task}_faithful_100_seed1',)
        assert (found.samples, found.seed, found.keeps_weights) == (FULL.samples, 1, False)


def test_new_defaults_of_training_leave_the_runs_as_they_are(monkeypatch):
    before = [spec(kind, task).digest for kind in ('faithful', 'none') for task in TASKS]
    config = TrainConfig(likelihood='laplace', beta=.1, faithful=True, depth_weight=.3,
                         variance_warm_up=.2, network=NetworkConfig(
                             dropout='decoder', dropout_probability=.4))
    monkeypatch.setattr(plan, 'TrainConfig', partial(replace, config))
    monkeypatch.setattr(plan, 'NetworkConfig', partial(replace, config.network))
    assert before == [spec(kind, task).digest for kind in ('faithful', 'none') for task in TASKS]


def test_one_seed_makes_no_ensemble():
    assert not any(run.members or run.keeps_weights for run in plan_runs(QUICK, 'faithful', 1))


def test_the_configuration_of_a_kind_matches_its_name():
    gaussian, laplace, warm_up = (spec(kind).config for kind in ('gaussian', 'laplace', 'warm_up'))
    assert gaussian.beta == laplace.beta == 0 and not gaussian.faithful
    assert (gaussian.likelihood, laplace.likelihood) == ('gaussian', 'laplace')
    assert warm_up.variance_warm_up == .3
    assert spec('faithful').config.faithful
    none, epistemic = (spec(kind, winner='dropout_50').config for kind in ('none', 'epistemic'))
    assert none.network.dropout == 'none' and not none.aleatoric
    assert epistemic.network.dropout_probability == .5 and not epistemic.aleatoric


@pytest.mark.parametrize(('winner', 'chosen', 'other'), [
    ('faithful', 'deep', 'decoder'), ('all_levels', 'decoder', 'deep')])
def test_other_masks_are_where_those_of_the_winner_are_not(winner, chosen, other):
    assert spec(winner).config.network.dropout == chosen
    assert spec('other_masks', winner=winner).config.network.dropout == other


def test_class_networks_start_from_imagenet_and_depth_networks_do_not():
    classes, depth = spec('faithful', 'classes').config, spec('faithful').config
    assert (classes.network.encoder, classes.encoder_rate) == ('efficientnet_lite0', .3)
    assert (depth.network.encoder, depth.encoder_rate) == ('small', 1.)


def test_the_loss_of_depth_changes_no_class_network():
    configs = [spec('none', 'classes', winner=winner).config
               for winner in ('gaussian', 'laplace', 'beta_50', 'beta_100')]
    assert all(config == configs[0] for config in configs)
    assert spec('none', 'classes', winner='faithful').config != configs[0]


def test_all_runs_have_different_hashes():
    hashes = [run.digest for run in PLAN]
    assert len(set(hashes)) == len(hashes)


def test_the_hash_depends_on_the_configuration_not_on_threads():
    assert spec('faithful').digest == spec('faithful', threads=2).digest
    others = [spec('faithful', tier=replace(FULL, images=10_000)),
              spec('faithful', tier=replace(FULL, samples=8)), spec('faithful', share=.5)]
    assert len({spec('faithful').digest, *(other.digest for other in others)}) == 4


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


def test_an_unknown_recipe_is_named():
    with pytest.raises(ValueError, match='magic'):
        plan_recipes(replace(QUICK, recipes=('magic',)), 1)
