# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from bdl_perception.parameter_files import (
    contradictions,
    misspelt_nodes,
    parameters_of,
    read_parameter_file,
    shared_topics,
)
from bdl_perception.parameters import yaml_text
import pytest
from rclpy.expand_topic_name import expand_topic_name

NAMES = ('/car/front/perception_node', '/car/alert_node', '/car/governor_node')
SLOW = '{ros__parameters: {epistemic_refresh_s: 5.0}}'
RARE = '{ros__parameters: {heartbeat_hz: 2.0}}'


def document(folder: Path, text: str):
    path = folder / 'own.yaml'
    path.write_text(text)
    return read_parameter_file(path)


def test_the_file_of_the_package_has_no_contradiction(tmp_path):
    assert contradictions(document(tmp_path, yaml_text()), NAMES) == []


@pytest.mark.parametrize('pattern, holds', [
    ('/**', True), ('/**/perception_node', True), ('/car/front/perception_node', True),
    ('/car/*/perception_node', True), ('/*/*/*', True), ('/**/front/perception_node', True),
    ('/car/perception_node', False), ('/car/rear/perception_node', False), ('/*', False),
    ('/**/alert_node', False), ('perception_node', False)])
def test_a_section_holds_for_the_nodes_of_its_pattern(tmp_path, pattern, holds):
    found = parameters_of(document(tmp_path, f'{pattern}: {SLOW}'), '/car/front/perception_node')
    assert found == ({'epistemic_refresh_s': 5.0} if holds else {})


@pytest.mark.parametrize('pattern, name', [
    ('/**/alert_node', '/alert_node'), ('alert_node', '/alert_node'), ('/**', '/alert_node')])
def test_a_section_holds_in_the_root_namespace(tmp_path, pattern, name):
    assert parameters_of(document(tmp_path, f'{pattern}: {RARE}'), name) == {'heartbeat_hz': 2.0}


def test_a_namespace_may_be_a_key_and_later_sections_override(tmp_path):
    text = f'car: {{alert_node: {RARE}}}\n/**: {{ros__parameters: {{heartbeat_hz: 9.0}}}}'
    assert parameters_of(document(tmp_path, text), '/car/alert_node') == {'heartbeat_hz': 9.0}


@pytest.mark.parametrize('text, reason', [
    (f'/**/perception_node: {SLOW}', '/car/front/perception_node and /car/alert_node: '
     'epistemic_max_age_s of alert_node is 2 s, but epistemic_refresh_s of perception_node is 5'),
    (f'/**: {RARE}', '/car/governor_node and /car/alert_node: max_alert_age_s of governor_node is '
     '0.5 s, but the alert comes every 0.5 s: set at least 1')])
def test_values_of_two_nodes_that_exclude_each_other_are_named(tmp_path, text, reason):
    [found] = contradictions(document(tmp_path, text), NAMES)
    assert found.startswith(reason)


@pytest.mark.parametrize('text', [
    '/**: {ros__parameters: {epistemic_refresh_s: 5.0, epistemic_max_age_s: 10.0}}',
    '/**: {ros__parameters: {heartbeat_hz: 2.0, max_alert_age_s: 1.0}}',
    f'/other/front/perception_node: {SLOW}', f'/other/alert_node: {RARE}', '',
    "/**: {ros__parameters: {heartbeat_hz: 'soon', unknown: 1}}"])
def test_values_that_agree_or_are_of_other_nodes_are_accepted(tmp_path, text):
    assert contradictions(document(tmp_path, text), NAMES) == []


CAMERAS = ('/car/front/perception_node', '/car/rear/perception_node')
TOPICS = ('image_topic', 'camera_info_topic')


@pytest.mark.parametrize('text, topic', [
    ('/**/perception_node: {ros__parameters: {image_topic: /cam}}', 'image_topic'),
    ('/**: {ros__parameters: {camera_info_topic: /cam}}', 'camera_info_topic'),
    ('car: {front: {perception_node: {ros__parameters: {image_topic: /cam}}}, '
     'rear: {perception_node: {ros__parameters: {image_topic: /cam}}}}', 'image_topic')])
def test_cameras_that_share_a_topic_are_named(tmp_path, text, topic):
    assert shared_topics(document(tmp_path, text), CAMERAS, TOPICS, expand_topic_name) == [
        f"{topic} of /car/front/perception_node and /car/rear/perception_node is '/cam': with "
        f'cameras it is a name within the namespace of each camera, without a leading /']


def test_a_topic_in_the_namespace_of_another_camera_is_shared(tmp_path):
    text = '/car/front/perception_node: {ros__parameters: {image_topic: /car/rear/image}}'
    [found] = shared_topics(document(tmp_path, text), CAMERAS, TOPICS, expand_topic_name)
    assert "is '/car/rear/image'" in found


@pytest.mark.parametrize('text', [
    '', '/**: {ros__parameters: {image_topic: raw, camera_info_topic: info}}',
    "/**: {ros__parameters: {image_topic: '~/image', camera_info_topic: '/all{ns}/info'}}",
    '/car/front/perception_node: {ros__parameters: {image_topic: /cam}}'])
def test_cameras_with_topics_of_their_own_are_accepted(tmp_path, text):
    assert shared_topics(document(tmp_path, text), CAMERAS, TOPICS, expand_topic_name) == []


def test_a_topic_that_is_no_name_is_an_error_of_its_camera(tmp_path):
    text = '/car/front/perception_node: {ros__parameters: {image_topic: a b}}'
    [found] = shared_topics(document(tmp_path, text), CAMERAS, TOPICS, expand_topic_name)
    assert found.startswith("image_topic of /car/front/perception_node: topic name 'a b' is inva")


def test_a_single_camera_may_have_any_topic_and_so_may_one_that_is_not_compared(tmp_path):
    own = document(tmp_path, '/**: {ros__parameters: {image_topic: /cam}}')
    assert shared_topics(own, CAMERAS[:1], TOPICS, expand_topic_name) == []
    assert shared_topics(own, CAMERAS, TOPICS[1:], expand_topic_name) == []


@pytest.mark.parametrize('text', ['[', '7', '- 1', 'alert_node: 7', '/**: {ros__parameters: 7}',
                                  'a: &a {b: *a}', '\0'])
def test_a_file_of_another_kind_is_an_error_that_names_it(tmp_path, text):
    with pytest.raises(ValueError, match='own.yaml is not a ROS parameter file'):
        document(tmp_path, text)


def test_a_section_for_nearly_one_of_our_nodes_is_named(tmp_path):
    own, other = tmp_path / 'own.yaml', tmp_path / 'other.yaml'
    own.write_text('/**/percepton_node: {ros__parameters: {threads: 1}}\n'
                   'car: {alert_nod: {ros__parameters: {hold_s: 1.0}}}\n'
                   '/**: {ros__parameters: {}}\n/**/governor_node: {ros__parameters: {}}\n'
                   'usb_cam: {ros__parameters: {}}')
    other.write_text('[')
    arguments = ['node', '--ros-args', '--params-file', str(own), '--params-file', str(other),
                 '--params-file', str(tmp_path / 'missing.yaml')]
    found = misspelt_nodes(arguments)
    assert [text.rpartition('did you mean ')[2] for text in found] == [
        "'perception_node'?", "'alert_node'?"]
    assert all(text.startswith(f'{own}: no node') for text in found)
    assert misspelt_nodes(arguments[:3]) == []
