# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.demo.processes import private_domain
import pytest
from rclpy.context import Context
from ros_world import calibrated_model, nominal_image, World

# Fast DDS repeats its announcement every 3 s; a test would wait that long after a lost one.
FAST_DISCOVERY = """<?xml version="1.0" encoding="UTF-8"?>
<profiles xmlns="http://www.eprosima.com">
  <participant profile_name="fast_discovery" is_default_profile="true"><rtps><builtin>
    <discovery_config><leaseAnnouncement><sec>0</sec><nanosec>200000000</nanosec>
    </leaseAnnouncement></discovery_config>
  </builtin></rtps></participant>
</profiles>
"""


@pytest.fixture(scope='session')
def environment(tmp_path_factory):
    """Provide one private domain, on loopback, for all tests of a run."""
    profile = tmp_path_factory.mktemp('dds') / 'fast_discovery.xml'
    profile.write_text(FAST_DISCOVERY)
    with private_domain() as domain:
        domain['FASTRTPS_DEFAULT_PROFILES_FILE'] = str(profile)
        root = str(Path(__file__).parents[2])
        variables = {**domain, 'PYTHONPATH': os.pathsep.join(
            filter(None, (root, os.environ.get('PYTHONPATH'))))}
        before = {name: os.environ.get(name) for name in domain}
        os.environ.update(domain)  # rclpy in this process reads it too
        yield variables
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@pytest.fixture(scope='session')
def context(environment):
    context = Context()
    context.init(domain_id=int(environment['ROS_DOMAIN_ID']))
    yield context
    context.try_shutdown()


@pytest.fixture
def world(environment, context, tmp_path):
    world = World(environment, context, tmp_path)
    yield world
    world.close()


@pytest.fixture(scope='session')
def model(tmp_path_factory):
    return calibrated_model(tmp_path_factory.mktemp('model') / 'tiny')


@pytest.fixture(scope='module')
def nodes(environment, context, model, tmp_path_factory):
    """Start alert_node and perception_node once for the tests of a module."""
    world = World(environment, context, tmp_path_factory.mktemp('nodes'))
    try:
        world.listen(topics.ALERT_TOPIC)
        world.start('alert_node', calibration=model, hold_s=0.5, clear_s=0.3)
        world.until(world.alert_is(AlertLevel.STALE, 'no status of perception_node'), 'STALE',
                    make=nominal_image)
        world.perception_process = world.perception(model, autostart=True)
        yield world
    finally:
        world.close()


@pytest.fixture
def nominal(nodes):
    """Publish nominal images until the alert is OK."""
    nodes.unsubscribe()
    nodes.info = None  # of the test before
    nodes.listen(topics.ALERT_TOPIC, topics.STATUS)
    nodes.until(nodes.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    return nodes
