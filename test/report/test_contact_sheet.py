# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The maps, ranges and errors of a contact sheet, and their drawing."""
from pathlib import Path

from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.evaluation.inference import predict
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.perception.perceiver import Perceiver
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
    labelled = LabelledFrame('a', frame, truth, ids)
    return cell_maps(predict(Perceiver(FakeBackend(), 8, 0), labelled))


def test_a_row_has_every_column_at_the_size_of_the_network() -> None:
    spec = FakeBackend().spec
    cells = row(0)
    assert list(cells) == list(COLUMNS)
    assert {np.asarray(values).shape[:2] for values in cells.values()} == {
        (spec.height, spec.width)}


@pytest.mark.parametrize(('depth', 'classes', 'missing'), [
    (True, True, set()), (False, True, {'truth depth'}), (True, False, {'truth classes'}),
    (False, False, {'truth depth', 'truth classes', 'error'})])
def test_missing_ground_truth_is_marked(
        depth: bool, classes: bool, missing: set[str]) -> None:
    cells = row(0, depth, classes)
    assert {name for name, values in cells.items() if values is None} == missing
    figure = draw_sheet('model', ['frame 0'], [cells])
    marked = {axes.get_title() for axes in figure.axes
              if NO_TRUTH in [text.get_text() for text in axes.texts]}
    assert marked == missing
    images = {axes.get_title() for axes in figure.axes if axes.images}
    assert images == set(COLUMNS) - missing


def test_depth_error_is_relative_and_includes_the_sky() -> None:
    inf, nan = np.inf, np.nan
    depth = np.float32([[11, 5, inf, inf, inf, 30, 30]])
    truth = np.float32([[10, 10, 20, 90, inf, inf, nan]])
    np.testing.assert_allclose(depth_error(depth, truth), [[.1, .5, inf, nan, nan, 1, nan]],
                               rtol=1e-6)


def test_class_error_is_nan_without_label() -> None:
    error = class_error(np.uint8([[3, 3, 3]]), np.uint8([[3, 4, 255]]))
    np.testing.assert_array_equal(error, [[0, 1, np.nan]])


def test_a_range_is_common_to_rows_and_not_to_columns() -> None:
    low, high = dict(row(0)), dict(row(1))
    low['aleatoric std'] = np.full((1, 4), 1, np.float32)
    high['aleatoric std'] = np.float32([[np.nan, 5, 5, 5]])
    ranges = column_ranges([low, high])
    assert ranges['aleatoric std'] == (0, 5)
    assert ranges['depth'] == ranges['truth depth'] == (2, 80)
    assert ranges['epistemic std'] != ranges['aleatoric std']
    assert set(ranges) == {name for name, unit in COLUMNS.items() if unit}


def test_a_map_without_finite_values_has_a_range() -> None:
    only_sky = {**row(0), 'epistemic std': np.full((2, 2), np.nan, np.float32)}
    assert column_ranges([only_sky])['epistemic std'] == (0, 1)


def test_the_sheet_has_units_and_a_legend(tmp_path: Path) -> None:
    figure = draw_sheet('model tiny', ['one', 'two'], [row(0), row(1, depth=False)])
    units = [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]
    assert units == [unit for unit in COLUMNS.values() if unit]
    legend, = figure.legends
    assert 'bicyclist' in [text.get_text() for text in legend.get_texts()]
    assert {'model tiny', 'one', 'two'} <= {text.get_text() for text in figure.texts}
    write_sheet(tmp_path / 'sheet.png', 'model tiny', ['one'], [row(0)])
    image = cv2.imread(str(tmp_path / 'sheet.png'))
    assert image is not None and image.shape[1] > 2000


def test_a_title_may_have_signs_of_mathematics(tmp_path: Path) -> None:
    write_sheet(tmp_path / 'sheet.png', '$\\frac{1}{$', ['$\\frac{1}{$'], [row(0)])
    assert (tmp_path / 'sheet.png').stat().st_size > 0


def test_a_sheet_without_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='no frame to draw'):
        write_sheet(tmp_path / 'sheet.png', 'model', [], [])
