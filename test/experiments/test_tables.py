# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json

from bdl_perception.experiments.accuracy_tables import (
    ablation_table,
    dropout_cost_table,
    task_weight_table,
)
from bdl_perception.experiments.claims import difference_claim, markdown_table, mean_std
from bdl_perception.experiments.config import Tier
from bdl_perception.experiments.plan import plan_runs
from bdl_perception.experiments.report import all_tables, write_report
from bdl_perception.experiments.results import read_results, Results
from bdl_perception.experiments.uncertainty_tables import (
    aleatoric_constancy_table,
    data_size_table,
    interval_table,
    ood_table,
)
from bdl_perception.experiments.variant_table import variants_table
import pytest

TIER = Tier('made_up', seeds=(1, 2), conditions=('night', 'lens_dirt'), depth_weights=(.2, .5),
            variants=('raw_features',))
SPECS = plan_runs(TIER, 1)
EPISTEMIC = ('epistemic_log_depth', 'epistemic_inverse_depth', 'mutual_information')


def made_up(spec):
    """Write the result of a run in which every claim holds."""
    epistemic = 1 / spec.share**2 * (1 + .01 * spec.seed)  # falls 16-fold
    quality = {'abs_rel': .1, 'rms_m': 3. - (spec.kind == 'both') * .1,
               'mean_iou': .6 + (spec.kind == 'both') * .02, 'class_nll': .5}
    scores = {name: {'mean': 1., 'ratio': 10., 'auroc': .9 + (spec.kind == 'both') * .05}
              for name in EPISTEMIC}
    scores |= {name: {'mean': 1., 'ratio': None, 'auroc': .8}
               for name in ('entropy', 'energy', 'softmax', 'aleatoric', 'feature')}
    scores |= {name: {'mean': 1., 'ratio': 3., 'auroc': .85}
               for name in ('analytic_first', 'analytic_last')}
    interval = {'scale': 1.1, 'coverage_before': .8, 'coverage_after': .905, 'nll_before': 1.,
                'nll_after': .9, 'reliability_before': [.5] * 11, 'reliability_after': [.6] * 11}
    return {
        'name': spec.name, 'kind': spec.kind, 'share': spec.share, 'seed': spec.seed,
        'hash': spec.digest, 'data_hash': 'd', 'data': {'train': [80, 800]},
        'machine': {'cores': 2, 'threads': 2, 'architecture': 'x', 'torch': '2',
                    'software_version': '0.1.0'},
        'training': {'elapsed_s': 36., 'parameters': 680_000},
        'nominal': {'single': dict(quality), 'average': dict(quality),
                    'aleatoric_variance': .05, 'epistemic_variance': epistemic,
                    'epistemic_inverse_variance': epistemic, 'mutual_information': epistemic},
        'intervals': {kind: dict(interval) for kind in ('aleatoric', 'epistemic', 'total')},
        'scores': {},
        'conditions': {f'{part}_{name}': {'scores': json.loads(json.dumps(scores))}
                       for part in ('validation', 'test') for name in TIER.conditions}}


def results(**changes):
    """Make all runs; changes: name of a run -> function that changes it, None: it is missing."""
    found = {spec.name: made_up(spec) for spec in SPECS}
    for name, change in changes.items():
        if change is None:
            del found[name]
        else:
            change(found[name])
    return Results(SPECS, found)


def verdicts(table):
    return [claim.holds for claim in table.assessed_claims()]


def test_with_good_results_every_claim_holds():
    tables = all_tables(results())
    assert len(tables) == 9
    for table in tables:
        assert table.missing_runs == [] and set(verdicts(table)) == {True}, table.title


@pytest.mark.parametrize('table', range(9))
def test_without_any_run_no_claim_is_assessed(table):
    made = all_tables(Results(SPECS, {}))[table]
    assert set(verdicts(made)) == {None}
    assert 'Runs missing' in made.markdown() and 'both_100_seed1' in made.markdown()
    assert '**holds**' not in made.markdown()


@pytest.mark.parametrize(('make', 'name'), [
    (data_size_table, 'both_25_seed2'), (lambda found: ood_table(found, 'test'), 'both_100_seed2'),
    (aleatoric_constancy_table, 'both_50_seed1'), (ablation_table, 'epistemic_100_seed1'),
    (task_weight_table, 'weight_50_100_seed1'), (interval_table, 'both_100_seed1'),
    (dropout_cost_table, 'everywhere_100_seed2'), (variants_table, 'raw_features_100_seed1')])
def test_one_missing_run_is_named_and_leaves_claims_open(make, name):
    table = make(results(**{name: None}))
    assert table.missing_runs == [name] and set(verdicts(table)) == {None}
    assert name in table.markdown()


def test_a_table_does_not_wait_for_the_runs_of_another():
    table = interval_table(results(both_25_seed1=None, none_100_seed1=None))
    assert set(verdicts(table)) == {True}


def test_one_increase_on_one_seed_does_not_hold():
    def change(run):
        run['nominal']['epistemic_variance'] = 100.
    table = data_size_table(results(both_50_seed2=change))
    assert verdicts(table) == [False, True, True]
    assert table.claims[0].found.startswith('falls on 1 of 2 seeds')


def test_too_small_a_decrease_does_not_hold():
    def change(run):
        run['nominal']['mutual_information'] = 1 / run['share'] ** .2  # 1.32 times
    names = [spec.name for spec in SPECS if spec.kind == 'both']
    table = data_size_table(results(**dict.fromkeys(names, change)))
    assert verdicts(table) == [True, True, False]


def test_a_condition_below_the_goal_is_named_with_its_ratio():
    def change(run):
        run['conditions']['test_night']['scores']['epistemic_log_depth']['ratio'] = .5
    found = results(both_100_seed1=change, both_100_seed2=change)
    assert verdicts(ood_table(found, 'validation')) == [True, True, True]
    table = ood_table(found, 'test')
    assert verdicts(table) == [False, True, True]
    assert table.claims[0].found == '1 of 2; below: night 0.5'
    row, = (row for row in table.rows if row[0] == 'night')
    assert 'does not hold' in row[1] and '(holds)' in row[2]


def test_aleatoric_variance_that_drifts_does_not_hold():
    def change(run):
        run['nominal']['aleatoric_variance'] = .08
    claim, = aleatoric_constancy_table(results(both_25_seed1=change)).claims
    assert claim.holds is False and '30 %' in claim.found  # (.08 + .05) / 2 against .05


def test_uncertainty_that_costs_accuracy_does_not_hold():
    def change(run):
        run['nominal']['average'].update(mean_iou=.7, rms_m=2.)
    found = results(none_100_seed1=change, none_100_seed2=change)
    assert verdicts(ablation_table(found)) == [False, False]


def test_a_fixed_weight_that_is_better_at_one_task_is_reported():
    def change(run):
        run['nominal']['average']['mean_iou'] = .9
    iou, rms = task_weight_table(results(weight_20_100_seed1=change)).claims
    assert iou.holds is False and 'weight_20' in iou.found and rms.holds


def test_one_seed_with_wrong_coverage_does_not_hold():
    def change(run):
        run['intervals']['total']['coverage_after'] = .93
    assert verdicts(interval_table(results(both_100_seed2=change))) == [False, True]


def test_dropout_that_costs_too_much_does_not_hold():
    def change(run):
        run['nominal']['single'].update(mean_iou=.594, rms_m=3.05)
    found = results(both_100_seed1=change, both_100_seed2=change)
    claims = dropout_cost_table(found).claims
    assert [claim.holds for claim in claims] == [False, False, True, True, True]
    assert claims[0].found.startswith('-0.6 ± ') and claims[1].found.startswith('+1.67 ± ')


def test_the_winner_is_chosen_on_validation_conditions():
    def good_on_test(run):
        for split in ('test_night', 'test_lens_dirt'):
            run['conditions'][split]['scores']['mutual_information']['auroc'] = 1.

    def best_on_validation(run):
        for split, condition in run['conditions'].items():
            score = condition['scores']['epistemic_inverse_depth']
            score['auroc'] = 1. if split.startswith('validation') else 0.
            score['ratio'] = .7
    found = results(raw_features_100_seed1=best_on_validation, both_100_seed1=good_on_test,
                    both_100_seed2=good_on_test)
    claim, = variants_table(found).claims
    assert claim.found.startswith('raw_features, epistemic_inverse_depth') and claim.holds is False


def test_a_score_missing_in_older_runs_is_left_out():
    table = variants_table(results())
    rows = [row for row in table.rows if row[4] == 'analytic_random_features']
    assert [row[0] for row in rows] == ['both', 'everywhere', 'raw_features']
    assert all(row[5:] == ['-', '-'] for row in rows) and verdicts(table) == [True]


def test_the_cost_of_a_variant_needs_no_run():
    rows = {(row[0], row[4]): row[1:4] for row in variants_table(Results(SPECS, {})).rows}
    assert rows['both', 'mutual_information'] == ['-', '0.0998', '0.311 (16)']
    assert rows['both', 'analytic_last'] == ['-', '0.0998', '0']
    assert rows['everywhere', 'mutual_information'] == ['-', '0.0998', '1.57 (16)']


def test_only_planned_kinds_have_a_note():
    assert '`longer`' not in variants_table(results()).note
    assert '`randomised_prior`' not in variants_table(results()).note
    specs = plan_runs(replace(TIER, variants=('randomised_prior', 'longer')), 1)
    note = variants_table(Results(specs, {})).note
    assert '`longer` is `both` after 3 times as many frames' in note
    assert '`randomised_prior` the code repeats the decoder and the heads of all' in note


def test_networks_are_compared_at_the_first_seed():
    def change(run):
        run['conditions']['test_night']['scores']['mutual_information']['auroc'] = .1
    assert variants_table(results(both_100_seed2=change)).rows == variants_table(results()).rows
    assert variants_table(results(both_100_seed1=change)).rows != variants_table(results()).rows
    assert 'both_100_seed2' not in variants_table(results(both_100_seed2=None)).missing_runs


def test_the_first_seed_may_be_any_number():
    specs = plan_runs(replace(TIER, seeds=(5, 3)), 1)
    tables = all_tables(Results(specs, {spec.name: made_up(spec) for spec in specs}))
    assert [table.missing_runs for table in tables] == [[]] * 9
    assert {claim.verdict for table in tables for claim in table.assessed_claims()} == {'holds'}


def test_a_difference_within_its_interval_is_undecided():
    def half_a_loss(run):
        run['nominal']['average']['mean_iou'] = .65
    first, _ = ablation_table(results(none_100_seed2=half_a_loss)).claims  # +2 and -3 points
    assert first.holds is None and first.verdict == 'undecided'
    one = plan_runs(replace(TIER, seeds=(1,)), 1)
    alone = Results(one, {spec.name: made_up(spec) for spec in one})
    assert {claim.verdict for claim in ablation_table(alone).assessed_claims()} == {'undecided'}


def test_the_ablation_does_not_wait_for_likelihood_variants():
    specs = plan_runs(replace(TIER, variants=('plain_likelihood', 'spectral')), 1)
    found = {spec.name: made_up(spec) for spec in specs if spec.kind != 'plain_likelihood'}
    table = ablation_table(Results(specs, found))
    assert table.rows[-1] == ['plain_likelihood', '-', '-', '-', '-']
    assert len(table.rows) == 5 and verdicts(table) == [True, True]


def test_the_interval_of_a_mean_is_students_t():
    changes = [1., 2., 3.]  # standard error .577, t of 2 degrees of freedom at 95 % 2.920
    assert difference_claim('', '', '', changes, 2 - 1.70, more_is_better=True).holds is True
    assert difference_claim('', '', '', changes, 2 - 1.67, more_is_better=True).holds is None
    assert difference_claim('', '', '', changes, 2 + 1.67, more_is_better=True).holds is None
    assert difference_claim('', '', '', changes, 2 + 1.70, more_is_better=True).holds is False
    assert difference_claim('', '', '', changes, 2 + 1.70, more_is_better=False).holds is True
    assert difference_claim('', '', '', [], 0, more_is_better=True).verdict == 'not measured'


def test_a_further_score_gets_its_column():
    def add(run):
        run['conditions']['test_night']['scores']['last_layer'] = {
            'mean': 1., 'ratio': 2., 'auroc': .77}
    table = ood_table(results(both_100_seed1=add), 'test')
    assert table.columns[-1] == 'AUROC last_layer' and table.rows[0][-1] == '0.77'


def test_the_report_has_all_tables_plots_and_its_provenance(tmp_path):
    page = write_report(results(), TIER, tmp_path, 'bdl experiment safety --out x')
    text = page.read_text()
    for number in range(1, 9):
        assert f'\n## {number}. ' in text
    for wanted in ('`bdl experiment safety --out x`', '80 drives, 800 frames', 'made_up',
                   'No choice was made by a drive of the split test'):
        assert wanted in text
    plots = sorted(path.name for path in tmp_path.glob('*.png'))
    assert plots == ['auroc.png', 'data_size.png', 'reliability.png']
    assert all(f']({name})' in text for name in plots)
    assert not list(tmp_path.glob('.*'))
    assert f'{TIER.epochs} epochs of 800 frames a run, seeds 1, 2' in text


def test_the_report_says_which_runs_have_more_epochs(tmp_path):
    specs = plan_runs(replace(TIER, variants=('longer',)), 1)
    text = write_report(Results(specs, {}), TIER, tmp_path, 'x').read_text()
    assert 'px, 30 epochs of 800 frames a run (90 epochs for `longer`), seeds 1, 2 |' in text


def test_a_plot_without_its_runs_is_deleted(tmp_path):
    write_report(results(), TIER, tmp_path, 'x')
    page = write_report(results(both_25_seed1=None, both_25_seed2=None), TIER, tmp_path, 'x')
    assert not (tmp_path / 'data_size.png').exists() and 'data_size.png' not in page.read_text()


def test_the_result_of_another_plan_is_not_read(tmp_path):
    for spec in SPECS[:2]:
        (tmp_path / f'{spec.name}.json').write_text(json.dumps(made_up(spec)))
    stale = {**made_up(SPECS[1]), 'hash': 'old'}
    (tmp_path / f'{SPECS[1].name}.json').write_text(json.dumps(stale))
    assert list(read_results(tmp_path, SPECS).by_name) == [SPECS[0].name]


def test_runs_on_different_drives_are_not_mixed(tmp_path):
    for spec, drives in zip(SPECS[:3], ('d', 'd', 'e'), strict=True):
        text = json.dumps({**made_up(spec), 'data_hash': drives})
        (tmp_path / f'{spec.name}.json').write_text(text)
    with pytest.raises(ValueError, match=f'different drives.*{SPECS[2].name}'):
        read_results(tmp_path, SPECS)
    assert len(read_results(tmp_path, SPECS, 'd').by_name) == 2


def test_a_file_that_is_no_result_is_named(tmp_path):
    (tmp_path / f'{SPECS[0].name}.json').write_text('{')
    with pytest.raises(ValueError, match=SPECS[0].name):
        read_results(tmp_path, SPECS)


def test_numbers_are_formatted_with_their_deviation():
    assert [mean_std(values) for values in ([2., 4.], [.12345], [])] == ['3 ± 1.4', '0.123', '-']
    assert markdown_table(['a', 'b'], [['1', '2']]) == '| a | b |\n| --- | --- |\n| 1 | 2 |'
