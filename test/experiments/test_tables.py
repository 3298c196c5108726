# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json

from bdl_perception.evaluation import quality_goals
from bdl_perception.experiments import calibration_tables
from bdl_perception.experiments.accuracy_tables import (
    ablation_table,
    dropout_cost_table,
    task_weight_table,
)
from bdl_perception.experiments.calibration_tables import calibration_table, recall_table
from bdl_perception.experiments.claims import difference_claim, markdown_table, mean_std
from bdl_perception.experiments.config import Tier
from bdl_perception.experiments.curves import RECALLS
from bdl_perception.experiments.measure import RELIABILITY_LEVELS
from bdl_perception.experiments.plan import plan_recipes, plan_runs
from bdl_perception.experiments.plots import PLOTS
from bdl_perception.experiments.recipes import choose_recipe, recipe_table
from bdl_perception.experiments.report import all_tables, page_text, write_report
from bdl_perception.experiments.results import read_results, Results
from bdl_perception.experiments.score_tables import mean_score_table, score_table
from bdl_perception.experiments.scores import SCORE_NAMES
from bdl_perception.experiments.shortfalls import shortfall_section, SHORTFALLS
from bdl_perception.experiments.summary import answer
from bdl_perception.experiments.uncertainty_tables import (
    aleatoric_constancy_table,
    data_size_table,
    other_data_table,
)
import pytest

TIER = Tier('made_up', seeds=(1, 2), recipes=('faithful', 'gaussian'), depth_weights=(.2, .5))
SPECS = plan_runs(TIER, 'faithful', 1)
CONDITIONS = {'depth': ('night', 'camvid', 'idd'), 'classes': ('rendered', 'idd', 'defocused'),
              'both': ('night',)}
FALLING = [2 + .01 * number for number in range(len(RECALLS))]


def made_up(spec):
    """Write the result of a run in which every claim holds."""
    epistemic = 1 / spec.share**2 * (1 + .01 * spec.seed)  # falls 16-fold
    good = spec.kind in ('faithful', 'learned_weights')
    quality = {'abs_rel': .1, 'rms_m': 3. - good * .1, 'mean_iou': .6 + good * .02,
               'class_nll': .5}
    separation = {'aupr': .9, 'fpr_95': .1, 'auroc_interval': [.8, 1.], 'aupr_interval': [.8, 1.],
                  'fpr_95_interval': [0., .2]}
    scores = {name: {'mean': 1., 'ratio': 10., 'auroc': .9 + good * .05, **separation}
              for name in SCORE_NAMES}
    interval = {'scale': 1.1, 'coverage_before': .8, 'coverage_after': .905, 'mse_before': .01,
                'mse_after': .001, 'nll_before': 1., 'nll_after': .9,
                'reliability_before': list(RELIABILITY_LEVELS),
                'reliability_after': list(RELIABILITY_LEVELS)}
    nominal = {'single': quality, 'average': quality, 'aleatoric_variance': .05,
               'logit_variance': .3, 'epistemic_variance': epistemic,
               'epistemic_inverse_variance': epistemic, 'mutual_information': epistemic,
               'calibration': {'mse': .001, 'probability': [.1, .9], 'correct': [.1, .9]},
               'recall_curves': {'rms_m': {'total': FALLING},
                                 'correct': {'entropy': FALLING[::-1]}}}
    result = {
        'name': spec.name, 'task': spec.task, 'kind': spec.kind, 'share': spec.share,
        'seed': spec.seed, 'hash': spec.digest, 'data_hash': spec.task,
        'data': {'train': [400, 400]}, 'evaluation_s': 3.,
        'machine': {'cores': 2, 'threads': 2, 'architecture': 'x', 'torch': '2',
                    'software_version': '0.1.0'},
        'training': {'elapsed_s': 36., 'parameters': 680_000},
        'validation': nominal, 'test': nominal,
        'intervals': dict.fromkeys(('aleatoric', 'epistemic', 'total'), interval),
        'conditions': {f'{part}_{name}': {'scores': scores} for part in ('validation', 'test')
                       for name in CONDITIONS[spec.task]}}
    return json.loads(json.dumps(result))  # nothing is shared


def results(**changes):
    """Make all runs; changes: name of a run -> function that changes it, None: it is missing."""
    found = {spec.name: made_up(spec) for spec in SPECS}
    for name, change in changes.items():
        if change is None:
            del found[name]
        else:
            change(found[name])
    return Results(SPECS, found, 'faithful')


def verdicts(table):
    return [claim.holds for claim in table.claims]


def of_test(found):
    return other_data_table(found, 'test')


def test_with_good_results_all_22_claims_hold():
    tables = all_tables(results())
    assert sum(len(table.claims) for table in tables) == 22
    for table in tables:
        assert table.missing_runs == [] and set(verdicts(table)) <= {True}, table.title


@pytest.mark.parametrize('table', range(11))
def test_without_any_run_no_claim_is_assessed(table):
    made = all_tables(Results(SPECS, {}, 'faithful'))[table]
    assert set(verdicts(made)) <= {None}
    assert 'Not run:' in made.markdown() and '**holds**' not in made.markdown()


@pytest.mark.parametrize(('make', 'name', 'left_open'), [
    (data_size_table, 'depth_faithful_25_seed2', 2), (of_test, 'depth_faithful_100_seed2', 2),
    (aleatoric_constancy_table, 'classes_faithful_50_seed1', 1),
    (ablation_table, 'depth_none_100_seed1', 1),
    (task_weight_table, 'both_weight_50_100_seed1', 2),
    (calibration_table, 'depth_faithful_100_seed1', 3),
    (recall_table, 'classes_faithful_100_seed1', 1),
    (dropout_cost_table, 'classes_other_masks_100_seed2', 1)])
def test_one_missing_run_is_named_and_leaves_its_claims_open(make, name, left_open):
    table = make(results(**{name: None}))
    assert table.missing_runs == [name] and verdicts(table).count(None) == left_open
    assert all(claim.verdict == 'not run' for claim in table.claims if claim.holds is None)
    assert name in table.markdown()


def test_one_increase_on_one_seed_does_not_hold():
    def change(run):
        run['test']['epistemic_variance'] = 100.
    table = data_size_table(results(depth_faithful_50_seed2=change))
    assert verdicts(table) == [False, True, True]
    assert table.claims[0].found.startswith('falls on 1 of 2 seeds')


def test_too_small_a_decrease_does_not_hold():
    def change(run):
        run['test']['mutual_information'] = 1 / run['share'] ** .2  # 1.32 times
    names = [spec.name for spec in SPECS if (spec.task, spec.kind) == ('classes', 'faithful')]
    assert verdicts(data_size_table(results(**dict.fromkeys(names, change)))) == [True, True,
                                                                                  False]


def test_another_recipe_on_every_share_has_rows_and_a_sentence_but_no_claim():
    def rising(run):
        run['test']['epistemic_variance'] = run['share']
    specs = plan_runs(replace(TIER, share_recipes=('gaussian',)), 'faithful', 1)
    found = {spec.name: made_up(spec) for spec in specs}
    for name, run in found.items():
        if name.startswith('depth_faithful_'):
            rising(run)
    made = Results(specs, found, 'faithful')
    table = data_size_table(made)
    assert verdicts(table) == [False, True, True]
    rows = {row[1]: row[2:] for row in table.rows}
    assert rows['variance of log-depth, `gaussian`'] == rows['variance of inverse depth, 1/m^2']
    assert ('With `gaussian` the variance of log-depth falls on 2 of 2 seeds, ratio 16.'
            in shortfall_section(made, all_tables(made)))
    del found['depth_gaussian_25_seed2']
    assert data_size_table(made).missing_runs == ['depth_gaussian_25_seed2']
    assert verdicts(data_size_table(made)) == [False, True, True]
    assert 'With `gaussian`' not in shortfall_section(made, all_tables(made))


def test_the_claim_is_about_other_data_and_the_table_about_every_condition():
    def change(run):
        for split in ('test_night', 'test_idd'):
            run['conditions'][split]['scores']['epistemic_log_depth']['ratio'] = .5
    found = results(depth_faithful_100_seed1=change, depth_faithful_100_seed2=change)
    table = of_test(found)
    assert verdicts(table) == [False, True, True]
    assert table.claims[0].found == 'camvid 10, idd 0.5; of 1 other conditions 0 are above'
    cells = {(row[1], row[2]): row[3] for row in table.rows}
    assert cells['night', 'variance of log-depth'] == '0.5 ± 0 (below)'
    assert other_data_table(found, 'validation').claims == []


def test_aleatoric_variance_that_drifts_does_not_hold():
    def change(run):
        run['test']['aleatoric_variance'] = .08
    depth, classes = aleatoric_constancy_table(results(depth_faithful_25_seed1=change)).claims
    assert depth.holds is False  # (.08 + .05) / 2 against .05
    assert depth.found == 'at most 30 % away; one seed: at most 60 %'
    assert classes.holds


def test_uncertainty_that_costs_accuracy_does_not_hold():
    def change(run):
        run['test']['average'].update(mean_iou=.7, rms_m=2.)
    names = [f'{task}_none_100_seed{seed}' for task in ('depth', 'classes') for seed in (1, 2)]
    assert verdicts(ablation_table(results(**dict.fromkeys(names, change)))) == [False, False]


def test_the_fixed_weight_is_chosen_on_validation():
    def lucky_on_test(run):
        run['test']['average']['mean_iou'] = .9

    def best_on_validation(run):
        run['validation']['average']['mean_iou'] = .9
        run['test']['average']['mean_iou'] = .65
    rms, iou = task_weight_table(results(both_weight_20_100_seed1=lucky_on_test,
                                         both_weight_50_100_seed1=best_on_validation)).claims
    assert iou.found == '0.62; fixed 0.65 (weight_50)' and iou.holds is False and rms.holds


def test_one_seed_with_wrong_calibration_does_not_hold():
    def change(run):
        run['intervals']['total'].update(coverage_after=.93, mse_after=.004)
    assert verdicts(calibration_table(results(depth_faithful_100_seed2=change))) == [
        False, True, False, True]


def test_the_calibration_errors_of_the_paper_are_those_of_the_evaluation():
    assert (calibration_tables.MAX_CLASS_MSE, calibration_tables.MAX_DEPTH_MSE) == (
        quality_goals.MAX_CLASS_MSE, quality_goals.MAX_DEPTH_MSE)


def test_an_uncertainty_that_sorts_wrongly_does_not_hold():
    def change(run):
        run['test']['recall_curves']['rms_m']['total'] = FALLING[::-1]
    assert verdicts(recall_table(results(depth_faithful_100_seed2=change))) == [False, True]


def test_dropout_that_costs_too_much_does_not_hold():
    def change(run):
        run['test']['single'].update(mean_iou=.594, rms_m=3.05)
    names = [f'{task}_faithful_100_seed{seed}' for task in ('depth', 'classes') for seed in (1, 2)]
    claims = dropout_cost_table(results(**dict.fromkeys(names, change))).claims
    assert [claim.holds for claim in claims] == [False, False, True, True]
    assert claims[0].found.startswith('+1.67 ± ') and claims[1].found.startswith('-0.6 ± ')


def test_the_recipe_with_the_best_validation_auroc_wins():
    def separate(run):
        for split, condition in run['conditions'].items():
            condition['scores']['epistemic_log_depth']['auroc'] = (
                1. if split.startswith('validation') else 0.)
    assert choose_recipe(results(), TIER.recipes) == 'faithful'
    assert choose_recipe(results(depth_gaussian_100_seed1=separate), TIER.recipes) == 'gaussian'


def test_a_recipe_that_costs_too_much_accuracy_cannot_win():
    def separate(run):
        run['validation']['average']['rms_m'] = 3.06  # 1.055 times that of the other
        for condition in run['conditions'].values():
            condition['scores']['epistemic_log_depth']['auroc'] = 1.
    assert choose_recipe(results(depth_gaussian_100_seed1=separate), TIER.recipes) == 'faithful'


def test_without_any_run_the_first_recipe_is_taken():
    assert choose_recipe(Results(plan_recipes(TIER, 1), {}, ''), TIER.recipes) == 'faithful'


def test_recipes_are_compared_at_the_first_seed_only():
    def change(run):
        run['test']['average']['rms_m'] = 9.
    assert recipe_table(results(depth_faithful_100_seed2=change)).rows == recipe_table(
        results()).rows
    assert [row[0] for row in recipe_table(results()).rows] == ['**faithful**', 'gaussian']


def test_scores_are_listed_with_their_intervals_and_those_of_the_ensemble():
    rows = {tuple(row[:3]): row[3:] for row in score_table(results()).rows}
    assert rows['depth', 'night', 'laplace'] == [
        '0.950 (0.80 to 1.00)', '0.900 (0.80 to 1.00)', '0.100 (0.00 to 0.20)']
    assert rows['classes', 'idd', 'ensemble mutual_information'][0].startswith('0.900')
    assert ('classes', 'idd', 'ensemble entropy') not in rows


def test_the_means_of_scores_are_sorted_by_auroc():
    def change(run):
        for split in ('test_night', 'test_camvid', 'test_idd'):
            run['conditions'][split]['scores']['laplace']['auroc'] = .99
        run['conditions']['test_night']['scores']['feature']['auroc'] = .05
    rows = [row for row in mean_score_table(results(depth_faithful_100_seed1=change)).rows
            if row[0] == 'depth']
    assert rows[0][:4] == ['depth', 'laplace', '0.990', '0.990']
    assert rows[-1][:4] == ['depth', 'feature', '0.950', '0.650']  # (.05 + .95 + .95) / 3


def test_a_difference_within_its_interval_is_undecided():
    def gain(run):
        run['test']['average']['mean_iou'] = .65
    depth, classes = ablation_table(results(classes_none_100_seed1=gain)).claims
    assert classes.verdict == 'undecided' and depth.holds


def test_the_interval_of_a_mean_is_students_t():
    changes = [1., 2., 3.]  # standard error .577, t of 2 degrees of freedom at 95 % 2.920
    assert difference_claim('', '', '', changes, 2 - 1.70, more_is_better=True).holds is True
    assert difference_claim('', '', '', changes, 2 - 1.67, more_is_better=True).holds is None
    assert difference_claim('', '', '', changes, 2 + 1.67, more_is_better=True).holds is None
    assert difference_claim('', '', '', changes, 2 + 1.70, more_is_better=True).holds is False
    assert difference_claim('', '', '', changes, 2 + 1.70, more_is_better=False).holds is True
    assert difference_claim('', '', '', [], 0, more_is_better=True).verdict == 'not run'


def test_the_report_has_all_tables_plots_and_its_provenance(tmp_path):
    page = write_report(results(), TIER, tmp_path, 'bdl experiment safety --out x')
    text = page.read_text()
    for number in range(1, 11):
        assert f'\n## {number}. ' in text
    for wanted in ('`bdl experiment safety --out x`', '400 drives, 400 frames', 'made_up',
                   'No choice was made by a frame', '22 of 22 claims hold, 0 do not',
                   'recipe `faithful` was chosen', 'Yes: 3 of 3 claims hold.'):
        assert wanted in ' '.join(text.split())
    assert {path.stem for path in tmp_path.glob('*.png')} == set(PLOTS)
    assert all(text.count(f']({name}.png)') == 1 for name in PLOTS)
    assert not list(tmp_path.glob('.*'))


def test_every_claim_has_a_paragraph_and_every_paragraph_a_claim():
    assert set(SHORTFALLS) == {(table.number, claim.subject) for table in all_tables(results())
                               for claim in table.claims}


def test_paragraphs_are_printed_for_the_claims_that_do_not_hold_only():
    def change(run):
        run['intervals']['total'].update(coverage_after=.93, mse_after=.004)
    names = ('depth_faithful_100_seed1', 'depth_faithful_100_seed2')
    assert 'do not hold, or' not in page_text(results(), TIER, [], 'x')
    found = results(**dict.fromkeys(names, change))
    text = page_text(found, TIER, [], 'x').partition('do not hold, or')[2]
    text = text.partition('\n## ')[0]
    assert text.count('\n### Section 6, depth') == text.count('What the paper had') == 2
    assert '0.93 ± 0. Goal: 0.9 +- 0.02' in text and '0.905 (`gaussian`)' in text
    assert not {'{', '}'} & set(text)


def test_every_paragraph_can_be_printed_without_any_run():
    empty, every = Results(SPECS, {}, 'faithful'), all_tables(results())
    failed = [replace(table, claims=[claim._replace(holds=False) for claim in table.claims])
              for table in every]
    text = shortfall_section(empty, failed)
    assert text.count('- ') >= 22 and '(not run)' in text and '{' not in text


@pytest.mark.parametrize(('verdicts', 'words'), [
    ((True, True), 'Yes: 2 of 2 claims hold.'), ((False, False), 'No: 0 of 2 claims hold.'),
    ((True, False), 'In part: 1 of 2 claims hold.'),
    ((True, None), 'Not all decided: 1 of 2 claims hold, 1 open.'),
    ((None, None), 'Not decided: 0 of 2 claims hold, 2 open.')])
def test_the_answer_follows_from_the_verdicts(verdicts, words):
    table = ablation_table(results())
    claims = [claim._replace(holds=holds) for claim, holds in zip(table.claims, verdicts,
                                                                  strict=True)]
    text = answer(replace(table, claims=claims))
    assert f'as good as without?** {words}' in text
    assert ('Not: ' in text) == (False in verdicts)


def test_missing_runs_are_listed_once():
    depth = {spec.name: made_up(spec) for spec in SPECS if spec.task == 'depth'}
    text = page_text(Results(SPECS, depth, 'faithful'), TIER, [], 'x')
    listed = text.partition('## Missing runs')[2].partition('##')[0]
    assert all(listed.count(f'{spec.name}') == (spec.task != 'depth') for spec in SPECS)


def test_a_plot_without_its_runs_is_deleted(tmp_path):
    write_report(results(), TIER, tmp_path, 'x')
    page = write_report(Results(SPECS, {}, 'faithful'), TIER, tmp_path, 'x')
    assert not list(tmp_path.glob('*.png')) and '.png' not in page.read_text()


def test_the_page_can_be_written_with_the_runs_of_one_task(tmp_path):
    depth = {spec.name: made_up(spec) for spec in SPECS if spec.task == 'depth'}
    text = write_report(Results(SPECS, depth, 'faithful'), TIER, tmp_path, 'x').read_text()
    assert {path.stem for path in tmp_path.glob('*.png')} == set(PLOTS) - {'task_weights'}
    assert '12 of 22 claims hold' in text and 'Not run:' in text


def test_the_first_seed_may_be_any_number():
    specs = plan_runs(replace(TIER, seeds=(5, 3)), 'faithful', 1)
    found = Results(specs, {spec.name: made_up(spec) for spec in specs}, 'faithful')
    tables = all_tables(found)
    assert [table.missing_runs for table in tables] == [[]] * 11
    assert {claim.verdict for table in tables for claim in table.claims} == {'holds'}


def test_the_result_of_another_plan_is_not_read(tmp_path):
    for spec in SPECS[:2]:
        (tmp_path / f'{spec.name}.json').write_text(json.dumps(made_up(spec)))
    stale = {**made_up(SPECS[1]), 'hash': 'old'}
    (tmp_path / f'{SPECS[1].name}.json').write_text(json.dumps(stale))
    assert list(read_results(tmp_path, SPECS, 'faithful').by_name) == [SPECS[0].name]


def test_runs_of_a_task_on_different_frames_are_not_mixed(tmp_path):
    for spec, frames in zip(SPECS[:3], ('d', 'd', 'e'), strict=True):
        text = json.dumps({**made_up(spec), 'data_hash': frames})
        (tmp_path / f'{spec.name}.json').write_text(text)
    with pytest.raises(ValueError, match=f'different frames.*{SPECS[2].name}'):
        read_results(tmp_path, SPECS, 'faithful')
    assert len(read_results(tmp_path, SPECS, 'faithful', {'depth': 'd'}).by_name) == 2


def test_a_file_that_is_no_result_is_named(tmp_path):
    (tmp_path / f'{SPECS[0].name}.json').write_text('{')
    with pytest.raises(ValueError, match=SPECS[0].name):
        read_results(tmp_path, SPECS, 'faithful')


def test_numbers_are_formatted_with_their_deviation():
    assert [mean_std(values) for values in ([2., 4.], [.12345], [])] == ['3 ± 1.4', '0.123', '-']
    assert markdown_table(['a', 'b'], [['1', '2']]) == '| a | b |\n| --- | --- |\n| 1 | 2 |'
