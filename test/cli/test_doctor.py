# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl doctor`: what it reports of this machine, and which problems it finds."""
import json
from pathlib import Path

from bdl_perception.cli import doctor
from bdl_perception.cli.doctor import NOTE, OK, PROBLEM
from bdl_perception.cli.main import main
from bdl_perception.model_store import load_model_files
import pytest
from tiny_model import make_tiny_model


def states(findings: object) -> dict[str, str]:
    return {one.name: one.state for one in findings}  # type: ignore[attr-defined]


def test_the_shipped_model_and_its_calibration_belong_together(
        capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['doctor', '--topics-s', '0', '--json']) in (0, 1)  # shared memory may be small
    found = {(one['part'], one['name']): one for one in json.loads(capsys.readouterr().out)}
    street = load_model_files('street').spec
    assert street.perceive_sha256[:12] in found['Model street', 'files']['value']
    assert found['Model street', 'terms of training data']['value'] == '; '.join(street.terms)
    assert found['Model street', 'calibration']['state'] == OK
    assert 'CPUExecutionProvider' in found['Inference', 'ONNX Runtime']['value']


def test_a_damaged_model_is_a_problem_with_a_remedy(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = make_tiny_model(tmp_path / 'model')
    (model / 'sample.onnx').write_bytes(b'other')
    assert main(['doctor', '--topics-s', '0', '--model', str(model)]) == 1
    text = capsys.readouterr().out
    problems = text.split('Problems:')[1]
    assert 'sample.onnx has sha256' in problems and '`bdl export`' in problems


def test_a_model_without_calibration_is_a_note(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / 'model')
    assert states(doctor.check_model(str(model))) == {
        'files': OK, 'terms of training data': OK, 'calibration': NOTE}


def test_a_calibration_of_another_model_is_a_problem(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / 'model')
    shipped = load_model_files('street').folder / 'calibration.json'
    (model / 'calibration.json').write_bytes(shipped.read_bytes())
    [*_, found] = doctor.check_model(str(model))
    assert found.state == PROBLEM and 'another model (perceive graph)' in found.value


@pytest.mark.parametrize(('domain', 'state'), [('0', OK), ('232', OK), ('233', PROBLEM),
                                               ('mine', PROBLEM)])
def test_a_domain_that_dds_cannot_have_is_a_problem(domain: str, state: str) -> None:
    pytest.importorskip('rclpy')
    assert states(doctor.check_ros({'ROS_DOMAIN_ID': domain}))['ROS_DOMAIN_ID'] == state


def test_a_middleware_that_was_never_tested_is_a_note() -> None:
    pytest.importorskip('rclpy')
    found = states(doctor.check_ros({'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}))
    assert found['RMW_IMPLEMENTATION'] == NOTE


def test_missing_shared_memory_and_a_missing_profile_are_problems(tmp_path: Path) -> None:
    assert states(doctor.check_shared_memory({}, tmp_path / 'none')) == {
        str(tmp_path / 'none'): PROBLEM}
    found = states(doctor.check_shared_memory(
        {'FASTRTPS_DEFAULT_PROFILES_FILE': str(tmp_path / 'none.xml')}, tmp_path))
    assert found['FASTRTPS_DEFAULT_PROFILES_FILE'] == PROBLEM


@pytest.mark.parametrize(('mode', 'state'), [(0o700, OK), (0o770, PROBLEM)])
def test_an_engine_cache_that_others_may_write_is_a_problem(
        mode: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    folder = tmp_path / 'bdl_perception' / 'engines'
    folder.mkdir(parents=True)
    folder.chmod(mode)
    [found] = doctor.check_engine_cache()
    assert found.state == state and found.value.startswith('0 files')
