# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The policies of the alert and of the governor, against the page that describes them to users."""
from pathlib import Path

from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.parameter_spec import parameter_specs
import pytest

PAGE = Path(__file__).parents[2] / 'docs' / 'reference' / 'parameters.md'
ROWS = {cells[1].strip(' `'): [cell.strip() for cell in cells[2:-1]]
        for line in PAGE.read_text(encoding='utf-8').splitlines()
        if len(cells := line.split('|')) == 8}


@pytest.mark.parametrize('policy', [AlertPolicy, GovernorPolicy])
def test_every_parameter_is_as_its_page_says(policy: type) -> None:
    for spec in parameter_specs(policy):
        assert ROWS[spec.name] == [
            f'`{spec.default!r}`', spec.unit, spec.bounds, 'yes' if spec.live else '', spec.doc]
