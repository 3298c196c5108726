# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math
import subprocess
import sys

from bdl_perception import parameters
from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.parameter_spec import parameter_specs, ParameterSpec
from bdl_perception.parameters import NODES
import pytest
import yaml

PARAMETERS = [(cls, row) for cls in NODES.values() for row in parameter_specs(cls)]
NUMBER_PARAMETERS = [(cls, row) for cls, row in PARAMETERS if row.kind in (int, float)]


COMPANIONS = {'nav2_speed_limit': {'nav2_max_speed_m_s': 1.}}  # parameter -> values it needs


def name_of(value):
    return value.name if isinstance(value, ParameterSpec) else value.__name__


@pytest.mark.parametrize('cls', NODES.values())
def test_the_defaults_are_valid(cls):
    cls()


PARTNERS = {  # the minimum must not be above the maximum
    'stale_after_s': {'min_stale_after_s': .05}, 'min_stale_after_s': {'stale_after_s': 60.}}


@pytest.mark.parametrize('cls, row', NUMBER_PARAMETERS, ids=name_of)
def test_bounds_are_accepted_and_values_beyond_are_rejected(cls, row):
    for bound, outward in ((row.low, -math.inf), (row.high, math.inf)):
        cls(**{**PARTNERS.get(row.name, {}), row.name: row.kind(bound)})
        beyond = math.nextafter(bound, outward) if row.kind is float else int(
            bound + math.copysign(1, outward))
        with pytest.raises(ValueError, match=f'{row.name} is {beyond!r}, must lie in'):
            cls(**{row.name: beyond})


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('cls, row', [pair for pair in NUMBER_PARAMETERS if pair[1].kind is float],
                         ids=name_of)
def test_a_value_that_is_not_finite_is_rejected(cls, row, value):
    with pytest.raises(ValueError, match=f'parameter {row.name} is {value}'):
        cls(**{row.name: value})


@pytest.mark.parametrize('cls, row', PARAMETERS, ids=name_of)
def test_a_value_of_another_type_is_rejected(cls, row):
    wrong = {bool: 1, int: 1.5, float: 'fast', str: 3}[row.kind]
    message = f'{row.name} is {wrong!r}, must be a {row.kind.__name__}'
    with pytest.raises(ValueError, match=message):
        cls(**{row.name: wrong})
    with pytest.raises(ValueError, match=row.name):
        cls(**{row.name: None})


@pytest.mark.parametrize('cls, row', NUMBER_PARAMETERS, ids=name_of)
def test_true_is_not_accepted_as_a_number(cls, row):
    with pytest.raises(ValueError, match=f'{row.name} is True'):
        cls(**{row.name: True})


@pytest.mark.parametrize('cls, row', [pair for pair in PARAMETERS if pair[1].choices], ids=name_of)
def test_an_invalid_choice_is_rejected_with_the_valid_ones(cls, row):
    for choice in row.choices:
        cls(**{row.name: choice, **COMPANIONS.get(row.name, {})})
    with pytest.raises(ValueError, match=f"'ros1'.*{row.choices[-1]}"):
        cls(**{row.name: 'ros1'})


@pytest.mark.parametrize('cls, row', PARAMETERS, ids=name_of)
def test_every_parameter_has_a_description_and_a_unit(cls, row):
    assert row.doc
    units = {'_hz': 'Hz', '_rad_s': 'rad/s', '_m_s': 'm/s', '_s': 's', '_rad_s2': 'rad/s2',
             '_m_s2': 'm/s2', '_m_s3': 'm/s3', '_pixels': 'px', '_minutes': 'min'}
    suffix = next((end for end in units if row.name.endswith(end)), None)
    assert row.unit == units.get(suffix, '')


@pytest.mark.parametrize('node, cls', [('alert_node', AlertPolicy),
                                       ('governor_node', GovernorPolicy)])
def test_a_policy_and_its_ros_parameters_share_their_declarations(node, cls):
    assert set(parameter_specs(cls)) <= set(parameter_specs(NODES[node]))
    assert NODES[node]().policy() == cls()


def test_the_yaml_has_every_parameter_with_its_default():
    tree = yaml.safe_load(parameters.yaml_text())
    assert set(tree) == {f'/**/{node}' for node in NODES}
    for node, cls in NODES.items():
        values = tree[f'/**/{node}']['ros__parameters']
        assert cls(**values) == cls()
        assert list(values) == [row.name for row in parameter_specs(cls)]
        assert [type(value) for value in values.values()] == [
            row.kind for row in parameter_specs(cls)]


def test_parameters_do_not_import_rclpy():
    code = 'import bdl_perception.parameters, sys; print("rclpy" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'False'


@pytest.mark.parametrize(('node', 'values', 'reason'), [
    ('perception_node', {'image_topic': 'a', 'camera_info_topic': 'a'}, "both 'a', must differ"),
    ('camera_node', {'image_topic': 'a', 'camera_info_topic': 'a'}, "both 'a', must differ"),
    ('perception_node', {'image_topic': 'a/compressed'}, 'set image_transport to compressed'),
    ('camera_node', {'image_topic': 'a/compressed'}, 'set image_transport to compressed'),
    ('perception_node', {'backend': 'onnxruntime', 'precision': 'fp16'},
     "precision is 'fp16', but backend onnxruntime ignores it: set 'fp32'"),
    ('perception_node', {'backend': 'tensorrt', 'provider': 'cuda'},
     "provider is 'cuda', but backend tensorrt ignores it: set 'cpu'"),
    ('perception_node', {'backend': 'torch', 'provider': 'cuda'}, 'backend torch ignores it'),
    ('alert_node', {'camera': 'front', 'cameras': 'front,rear'}, 'give only one of them'),
    ('alert_node', {'stale_after_s': .2, 'min_stale_after_s': .3},
     'min_stale_after_s is 0.3 and stale_after_s is 0.2, the minimum must not')])
def test_values_that_contradict_each_other_are_rejected(node, values, reason):
    with pytest.raises(ValueError, match=reason):
        NODES[node](**values)


@pytest.mark.parametrize(('node', 'values'), [
    ('perception_node', {'backend': 'tensorrt', 'precision': 'fp16'}),
    ('perception_node', {'backend': 'onnxruntime', 'provider': 'cuda'}),
    ('perception_node', {'backend': 'auto', 'provider': 'cuda', 'precision': 'fp16'}),
    ('alert_node', {'stale_after_s': .2, 'min_stale_after_s': .2}),
    ('alert_node', {'camera': 'front'}), ('alert_node', {'cameras': 'front,rear'})])
def test_values_that_fit_are_accepted(node, values):
    assert NODES[node](**values)


def test_the_defaults_of_all_nodes_agree():
    alert, governor = parameters.AlertParameters(), parameters.GovernorParameters()
    assert not parameters.heartbeat_contradiction(1 / alert.heartbeat_hz, governor.max_alert_age_s)
    assert not parameters.epistemic_contradiction(
        parameters.PerceptionParameters().epistemic_refresh_s, alert.epistemic_max_age_s)


@pytest.mark.parametrize('period_s, max_age_s, agree', [
    (.25, .5, True), (.2501, .5, False), (.5, .5, False), (1e9, .5, True), (0., .05, True)])
def test_two_heartbeats_must_fit_into_the_maximum_age_of_the_alert(period_s, max_age_s, agree):
    assert (parameters.heartbeat_contradiction(period_s, max_age_s) == '') == agree


@pytest.mark.parametrize('refresh_s, max_age_s, agree', [(1., 2., True), (1.01, 2., False)])
def test_two_cycles_must_fit_into_the_maximum_age_of_a_result(refresh_s, max_age_s, agree):
    assert (parameters.epistemic_contradiction(refresh_s, max_age_s) == '') == agree
