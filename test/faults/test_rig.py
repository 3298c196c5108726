# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Faults that are injected into real processes; no time is asserted, the machine may be busy."""
import signal

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.camera import write_loop
from bdl_perception.faults.catalogue import select
from bdl_perception.faults.reactions import (
    make_rig,
    measure,
    MeasurementConfig,
    wait_until_ready,
)
from bdl_perception.faults.row import Setup
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]  # starts processes


@pytest.fixture
def config(tmp_path):
    return MeasurementConfig(tmp_path, 1)


def test_rows_of_three_kinds_have_their_reaction(config):
    rows = [*select('black'), *select('frame_raises'), *select('command_nan')]
    results = measure(config, rows)
    assert [result.name for result in results] == ['black', 'frame_raises', 'command_nan']
    for result in results:
        assert result.verdict in ('pass', 'late'), result
        assert result.median_s > 0 and result.repeats[0].recovery_s > 0
    assert 'blank' in results[0].repeats[0].reason
    assert 'injected failure' in results[1].repeats[0].reason


def test_an_injection_begins_and_ends_and_a_second_one_waits_for_the_end(config):
    with make_rig(config, Setup.RAW) as rig:
        wait_until_ready(rig)
        begin_s = rig.inject('kill_perception_node')
        assert rig.exit_code('perception_node') == -signal.SIGKILL
        with pytest.raises(RuntimeError, match='black cannot begin: clear the fault before it'):
            rig.inject('black')
        stale = rig.wait_for(lambda alert: alert.level == AlertLevel.STALE, 60, begin_s)
        assert stale is not None and stale.arrival_s > begin_s
        killed = rig.processes['perception_node'].pid
        cleared_s = rig.clear()
        assert rig.processes['perception_node'].pid != killed
        recovered = rig.wait_for(lambda alert: alert.level == AlertLevel.OK, 90, cleared_s)
        assert recovered is not None, rig.log_tails()
    assert all(not process.is_running() for process in rig.processes.values())


def test_the_loop_of_camera_node_is_a_drive_with_its_camera(tmp_path):
    from bdl_perception.drives import open_drive
    drive = open_drive(write_loop(tmp_path / 'drive', 10.))
    assert (len(drive), drive.rate_hz) == (298, 10.)
    first = next(iter(drive))
    assert first.camera is not None and first.camera.fx == pytest.approx(415.53, abs=.01)
