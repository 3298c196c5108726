# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The policy allows what the running nodes do: their topics and services are in it."""
from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
import cv2
import pytest
from ros_world import nominal_image
import sros2_policy

pytestmark = pytest.mark.slow  # starts processes

ENCLAVES = sros2_policy.load()


def names(found):
    return {name for name, _ in found}


def test_the_policy_allows_all_that_the_nodes_use(world, model, tmp_path):
    (tmp_path / 'drive').mkdir()
    cv2.imwrite(str(tmp_path / 'drive' / '0.png'), nominal_image(0))
    world.start('alert_node', calibration=model)
    world.start('governor_node')
    world.start('viewer_node')
    world.start('camera_node', {'image': 'unused', 'camera_info': 'unused_info'},
                path=tmp_path / 'drive', loop=True)
    world.perception(model, autostart=True)
    world.listen(topics.ALERT_TOPIC)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    started = ('alert_node', 'governor_node', 'viewer_node', 'camera_node', 'perception_node')
    graph = world.node
    world.until(lambda: {(node, '/') for node in started} <= set(
        graph.get_node_names_and_namespaces()), 'every node in the graph')

    def published_by(node):
        return names(graph.get_publisher_names_and_types_by_node(node, '/'))

    def services_of(node):
        return names(graph.get_service_names_and_types_by_node(node, '/'))

    expected = {f'/{topic.name}'.replace('//', '/') for topic in topics.TOPICS
                if topic.publisher == 'perception_node'}
    # the endpoints of a node are found after its name
    world.until(lambda: expected <= published_by('perception_node') and all(
        '/rosout' in published_by(node)
        and services_of(node) >= ENCLAVES[f'/bdl_perception/{node}'].reply for node in started),
        'every endpoint in the graph')
    for node in started:
        allowed = ENCLAVES[f'/bdl_perception/{node}']
        own = {'/unused': '/image', '/unused_info': '/camera_info'}
        published = {own.get(name, name) for name in published_by(node)}
        assert published <= allowed.publish
        assert names(graph.get_subscriber_names_and_types_by_node(node, '/')) <= allowed.subscribe
        assert services_of(node) == allowed.reply
