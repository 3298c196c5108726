# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One HTML page without any other file: sections, tables, drawings."""
from bdl_perception.evaluation.report.alarm import alarm
from bdl_perception.evaluation.report.blocks import Values
from bdl_perception.evaluation.report.certainty import certainty
from bdl_perception.evaluation.report.coverage import coverage
from bdl_perception.evaluation.report.depth import depth
from bdl_perception.evaluation.report.provenance import limits
from bdl_perception.evaluation.report.provenance import provenance
from bdl_perception.evaluation.report.reliability import reliability
from bdl_perception.evaluation.report.segmentation import segmentation
from bdl_perception.evaluation.report.sparsification import sparsification
from bdl_perception.evaluation.report.strangeness import strangeness
from bdl_perception.evaluation.report.summary import summary

SECTIONS = (summary, depth, segmentation, reliability, coverage, sparsification, certainty,
            strangeness, alarm, provenance, limits)
TEMPLATE = 'page.html'


def page(evaluation: Values) -> str:
    """Write the page of an evaluation that tables.plain() has seen."""
    from jinja2 import Environment
    from jinja2 import PackageLoader
    from jinja2 import StrictUndefined
    environment = Environment(loader=PackageLoader(__package__, ''), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(TEMPLATE).render(
        model=evaluation['model'], sections=[section(evaluation) for section in SECTIONS])
