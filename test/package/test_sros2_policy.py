# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""config/sros2/policy.xml lets only our nodes publish what is computed from images."""
from collections.abc import Callable
import re
from xml.etree import ElementTree

from bdl_perception.parameters import NODES
from bdl_perception.topics import ALERT_NODE, CMD_VEL_OUT, PERCEPTION_NODE, TOPICS
import pytest
import sros2_policy
from sros2_policy import document_faults, full_name, PATH

ENCLAVES = sros2_policy.load()
PREFIX = '/bdl_perception/'
OWN = {topic: PREFIX + topic.publisher for topic in TOPICS}
EVERY_NODE = {'/rosout', '/parameter_events'}
Element = ElementTree.Element


def absolute(name: str) -> str:
    return full_name(name, {'ns': '/', 'node': ''})


def document() -> Element:
    return ElementTree.parse(PATH).getroot()


def test_the_policy_has_the_format_of_sros2() -> None:
    assert document_faults(document()) == []


def remove_path(root: Element) -> None:
    del root.findall('.//enclave')[0].attrib['path']


def misspell(root: Element) -> None:
    group = root.findall('.//topics')[0]
    group.set('publish', 'allow')


def nest(root: Element) -> None:
    ElementTree.SubElement(root.findall('.//profiles')[0], 'topic').text = 'alert'


def empty(root: Element) -> None:
    root.findall('.//topics')[0].clear()


def rename(root: Element) -> None:
    root.set('version', '0.1.0')


@pytest.mark.parametrize(('change', 'fault'), [
    (remove_path, 'enclave has no path'), (misspell, 'publish is allow'),
    (nest, 'profiles contains topic'), (empty, 'topics is empty'), (rename, 'version is 0.1.0')])
def test_the_check_of_the_format_finds_a_fault(change: Callable[[Element], None],
                                               fault: str) -> None:
    root = document()
    change(root)
    assert fault in document_faults(root)


def test_every_node_has_an_enclave_of_its_own() -> None:
    assert {PREFIX + node for node in NODES} <= set(ENCLAVES)
    paths = [element.get('path') for element in document().iter('enclave')]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize('topic', TOPICS, ids=lambda topic: topic.name)
def test_a_topic_is_published_by_its_node_only(topic) -> None:  # type: ignore[no-untyped-def]
    publishers = {path for path, enclave in ENCLAVES.items()
                  if absolute(topic.name) in enclave.publish}
    assert publishers == {OWN[topic]}


@pytest.mark.parametrize('topic', TOPICS, ids=lambda topic: topic.name)
def test_a_topic_has_a_subscriber(topic) -> None:  # type: ignore[no-untyped-def]
    assert any(absolute(topic.name) in enclave.subscribe for enclave in ENCLAVES.values())


def test_the_viewer_only_subscribes_and_the_planner_only_commands() -> None:
    viewer, planner = ENCLAVES[f'{PREFIX}viewer'], ENCLAVES[f'{PREFIX}planner']
    assert viewer.publish == EVERY_NODE
    assert planner.publish == EVERY_NODE | {'/cmd_vel'}
    assert absolute(CMD_VEL_OUT.name) not in planner.subscribe
    assert not viewer.request | planner.request


def test_nothing_else_is_published_than_the_declared_topics_and_the_inputs() -> None:
    known = {absolute(topic.name) for topic in TOPICS} | EVERY_NODE | {
        '/image', '/image/compressed', '/camera_info', '/cmd_vel',
        f'/{PERCEPTION_NODE}/transition_event'}
    assert {name for enclave in ENCLAVES.values() for name in enclave.publish} == known


def test_only_the_lifecycle_manager_calls_services_of_perception_node() -> None:
    callers = {path: enclave.request for path, enclave in ENCLAVES.items() if enclave.request}
    assert set(callers) == {f'{PREFIX}lifecycle_manager'}
    served = ENCLAVES[PREFIX + PERCEPTION_NODE].reply
    assert callers[f'{PREFIX}lifecycle_manager'] < served
    assert f'/{PERCEPTION_NODE}/set_parameters' in served


def test_the_alert_hears_nothing_but_status_and_scores() -> None:
    assert ENCLAVES[PREFIX + ALERT_NODE].subscribe == {
        '/status', '/scores', '/clock', '/parameter_events'}


def test_no_rule_has_a_wildcard_or_stands_twice() -> None:
    for group in document().iter():
        names = [item.text or '' for item in group if item.tag in ('topic', 'service')]
        assert len(names) == len(set(names))
        assert all(re.fullmatch(r'(~/|/)?[a-z_]+(/[a-z_]+)*', name) for name in names)
