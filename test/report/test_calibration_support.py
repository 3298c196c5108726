# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.report.calibration_support import (
    draw_trade_offs,
    support_lines,
    trade_offs,
)
from calibrations import with_values
from matplotlib.figure import Figure
import pytest
from uniform_calibration import uniform_calibration


def calibration(limit: float = 5.) -> Calibration:
    """Give 36,000 frames, a quarter of a second apart (2.5 h); a step adds 1.61 at most."""
    made = uniform_calibration(4, limit)
    return with_values(made, frames=36_000, held_out_peaks=(0., 2., 4., 12.))


def test_each_limit_has_its_delay_and_its_false_alarms() -> None:
    design = calibration().limits.design().cusum
    found = {one.limit: one for one in trade_offs(calibration())}
    assert set(found) == {2., 4., 5., 12., design}
    assert found[2.] == (2., .5, 2, 2 / 2.5)  # 2 steps of 1.61
    assert found[4.] == (4., .75, 1, 1 / 2.5)
    assert found[5.] == (5., 1., 1, 1 / 2.5)
    assert found[12.] == (12., 2., 0, 0.)


def test_a_higher_limit_is_never_faster_nor_has_more_false_alarms() -> None:
    found = trade_offs(calibration())
    assert [one.limit for one in found] == sorted(one.limit for one in found)
    assert [one.delay_s for one in found] == sorted(one.delay_s for one in found)
    assert [one.false_errors for one in found] == sorted(
        (one.false_errors for one in found), reverse=True)


def test_the_text_has_the_chosen_limit_and_the_costly_drives() -> None:
    text = '\n'.join(support_lines(calibration()))
    assert 'raises ERROR after 1 s at the earliest' in text
    assert ('  limit     5.00       1 s  drives with a false ERROR: 1, 0.4 per hour (chosen)'
            in text)
    assert 'costly drives d3 (evidence 12.00, a limit that spares it takes 2 s); d2 (' in text


def test_a_calibration_without_peaks_has_no_trade_off() -> None:
    assert support_lines(with_values(calibration(), held_out_peaks=())) == []


def test_an_alarm_that_no_frame_can_raise_has_no_trade_off() -> None:
    made = calibration()
    never = replace(made, limits=replace(made.limits, exponent=.001))
    assert trade_offs(never) == [] and support_lines(never) == []


def test_the_plot_has_the_chosen_limit() -> None:
    axes = Figure().subplots()
    draw_trade_offs(axes, calibration())
    [steps, chosen] = axes.lines
    assert list(zip(chosen.get_xdata(), chosen.get_ydata(), strict=True)) == [
        (1., pytest.approx(.4))]
    assert len(steps.get_xdata()) == 5
