# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers behind a picture sheet, and that every one of them is drawn."""
from pathlib import Path

from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.evaluation.inference import predict
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.types import CameraFrame
from bdl_perception.report.contact_sheet import (
    cell_maps,
    Cells,
    class_error,
    column_ranges,
    COLUMNS,
    depth_error,
    draw_sheet,
    NO_TRUTH,
    write_sheet,
)
import cv2
from fake_backend import FakeBackend
import numpy as np
import pytest


def row(seed: int, depth: bool = True, classes: bool = True) -> Cells:
    rng = np.random.default_rng(seed)
    frame = CameraFrame(rng.integers(0, 256, (48, 80, 3), np.uint8), 0, 'camera')
    truth = np.full((48, 80), 8, np.float32) if depth else None
    ids = np.full((48, 80), 3, np.uint8) if classes else None
    return cell_maps(predict(Perceiver(FakeBackend(), 8, 0), LabelledFrame('a', frame, truth, ids)))


def test_a_row_has_every_column_at_the_size_of_the_network() -> None:
    spec = FakeBackend().spec
    made = row(0)
    assert list(made) == list(COLUMNS)
    assert {np.asarray(values).shape[:2] for values in made.values()} == {
        (spec.height, spec.width)}


@pytest.mark.parametrize(('depth', 'classes', 'missing'), [
    (True, True, set()), (False, True, {'truth depth'}), (True, False, {'truth classes'}),
    (False, False, {'truth depth', 'truth classes', 'error'})])
def test_what_nobody_knows_is_missing_and_said(
        depth: bool, classes: bool, missing: set[str]) -> None:
    made = row(0, depth, classes)
    assert {name for name, values in made.items() if values is None} == missing
    figure = draw_sheet('model', ['frame 0'], [made])
    said = {axes.get_title() for axes in figure.axes
            if NO_TRUTH in [text.get_text() for text in axes.texts]}
    assert said == missing
    pictures = {axes.get_title() for axes in figure.axes if axes.images}
    assert pictures == set(COLUMNS) - missing


def test_the_error_of_depth_is_relative_and_honest_about_the_sky() -> None:
    inf, nan = np.inf, np.nan
    depth = np.float32([[11, 5, inf, inf, inf, 30, 30]])
    truth = np.float32([[10, 10, 20, 90, inf, inf, nan]])
    np.testing.assert_allclose(depth_error(depth, truth), [[.1, .5, inf, nan, nan, 1, nan]],
                               rtol=1e-6)


def test_the_error_of_classes_leaves_out_what_has_no_label() -> None:
    found = class_error(np.uint8([[3, 3, 3]]), np.uint8([[3, 4, 255]]))
    np.testing.assert_array_equal(found, [[0, 1, np.nan]])


def test_a_range_is_shared_by_all_rows_and_not_by_columns() -> None:
    calm, wild = dict(row(0)), dict(row(1))
    calm['aleatoric std'] = np.full((1, 4), 1, np.float32)
    wild['aleatoric std'] = np.float32([[np.nan, 5, 5, 5]])
    together = column_ranges([calm, wild])
    assert together['aleatoric std'] == (0, 5)
    assert together['depth'] == together['truth depth'] == (2, 80)
    assert together['epistemic std'] != together['aleatoric std']
    assert set(together) == {name for name, unit in COLUMNS.items() if unit}


def test_a_map_without_any_number_still_has_a_range() -> None:
    only_sky = {**row(0), 'epistemic std': np.full((2, 2), np.nan, np.float32)}
    assert column_ranges([only_sky])['epistemic std'] == (0, 1)


def test_units_and_the_legend_of_the_classes_are_on_the_sheet(tmp_path: Path) -> None:
    figure = draw_sheet('model tiny', ['one', 'two'], [row(0), row(1, depth=False)])
    units = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    assert units == [unit for unit in COLUMNS.values() if unit]
    legend, = figure.legends
    assert 'bicyclist' in [text.get_text() for text in legend.get_texts()]
    assert {'model tiny', 'one', 'two'} <= {text.get_text() for text in figure.texts}
    write_sheet(tmp_path / 'sheet.png', 'model tiny', ['one'], [row(0)])
    picture = cv2.imread(str(tmp_path / 'sheet.png'))
    assert picture is not None and picture.shape[1] > 2000


def test_a_sheet_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='no frame to draw'):
        write_sheet(tmp_path / 'sheet.png', 'model', [], [])
