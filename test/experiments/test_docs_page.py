# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The committed page of the experiment, its runs, and what other pages take from it."""
from functools import cache
import re

from bdl_perception.experiments.config import FULL, read_tier
from bdl_perception.experiments.plan import make_run_spec
from bdl_perception.experiments.report import page_text
from bdl_perception.experiments.runner import read_finished
from bdl_perception.training.config import TrainConfig
from source_tree import ROOT

SAFETY = ROOT / 'docs' / 'experiments' / 'safety'
TIER = read_tier(FULL, SAFETY / 'tier.yaml')


@cache
def results():
    return read_finished(TIER, SAFETY / 'runs', 2)


def test_the_page_and_its_plots_are_made_from_the_runs_beside_it():
    text = (SAFETY / 'README.md').read_text()
    command = re.search(r'\| command \| `(.*)` \|', text)[1]
    plots = [path.stem for path in SAFETY.glob('*.png')]
    assert text == page_text(results(), TIER, plots, command)
    assert all(text.count(f'({name}.png)') == 1 for name in plots)


def test_every_result_in_docs_belongs_to_the_plan():
    assert {path.stem for path in (SAFETY / 'runs').glob('*')} == set(results().by_name)


def test_the_winner_is_the_default_of_train():
    config = make_run_spec(TIER, 'depth', results().winner, results().winner, 1., 1, 2).config
    default = TrainConfig()
    for name in ('likelihood', 'beta', 'faithful', 'variance_warm_up', 'aleatoric'):
        assert getattr(config, name) == getattr(default, name), name
    for name in ('dropout', 'dropout_probability', 'concrete'):
        assert getattr(config.network, name) == getattr(default.network, name), name
