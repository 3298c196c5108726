# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the programs of bringup/ read in our messages, by the rules of their source."""
import json
from pathlib import Path

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes.diagnostics import alert_message, diagnostics_message
from bdl_perception.nodes.messages import make_header, points_message
from bdl_perception.perception.data_types import PinholeCamera, Prediction
from bdl_perception.perception.point_cloud import point_cloud
import numpy as np
import pytest
import yaml

FOLDER = Path(__file__).parents[2] / 'bringup'
MONITOR = yaml.safe_load((FOLDER / 'nav2_params.yaml').read_text())[
    'collision_monitor']['ros__parameters']
CAMERA_HEIGHT_M = .6  # of a robot: the road before it is in the image
SHAPE = (192, 320)


def alert_names(level=AlertLevel.OK):
    """Return name -> level of the statuses in /diagnostics."""
    message = alert_message({'camera': AlertState(level, ('reason',), {}, {})}, 0)
    return {status.name: AlertLevel(status.level[0])
            for status in diagnostics_message(message, '/alert_node').status}


def test_the_aggregator_expects_a_status_that_exists():
    parameters = yaml.safe_load((FOLDER / 'diagnostic_analyzers.yaml').read_text())
    analyzer = parameters['analyzers']['ros__parameters']['perception']
    assert analyzer['expected'] == list(alert_names())


@pytest.mark.parametrize('level', AlertLevel)
def test_the_graph_of_autoware_has_the_level_of_the_alert(level):
    document = yaml.safe_load((FOLDER / 'autoware_diagnostic_graph.yaml').read_text())
    by_path = {unit['path']: unit for unit in document['units']}
    received = alert_names(level)

    def evaluate(unit):
        if unit['type'] == 'link':
            return evaluate(by_path[unit['link']])
        if unit['type'] == 'diag':  # STALE until a status of this name arrives
            return received.get(f'{unit["node"]}: {unit["name"]}', AlertLevel.STALE)
        assert unit['type'] == 'and'
        return min(max(map(evaluate, unit['list'])), AlertLevel.ERROR)

    assert evaluate(by_path['/bdl_perception/camera']) == min(level, AlertLevel.ERROR)


def road(obstacle_m=None):
    """Make the depth of a flat road to 40 m, with sky above and a wall of 1 m height in front."""
    camera = PinholeCamera(320, 192, 250., 250., 159.5, 95.5)
    rows = np.arange(192, dtype=np.float32)[:, None]
    depth = CAMERA_HEIGHT_M * camera.fy / (rows - camera.cy)  # negative above the horizon
    depth = np.where((depth > 0) & (depth < 40), depth, np.inf)
    depth = np.tile(depth, (1, 320)).astype(np.float32)
    if obstacle_m is not None:
        bottom = camera.cy + CAMERA_HEIGHT_M * camera.fy / obstacle_m
        top = camera.cy + (CAMERA_HEIGHT_M - 1) * camera.fy / obstacle_m
        depth[int(top):int(min(bottom, 192)), 130:190] = obstacle_m
    zero = np.zeros(SHAPE, np.float32)
    return Prediction(10**9, 'camera', camera, depth, zero, np.zeros(SHAPE, np.uint8),
                      *[zero] * 4, 0., zero, 0)


def points_in_polygon(cloud, source, polygon):
    """Count the points as collision_monitor does: range, height, then the polygon of the base."""
    offsets = {field.name: field.offset for field in cloud.fields}
    assert all(field.datatype == field.FLOAT32 for field in cloud.fields if field.name in 'xyz')
    xyz = np.frombuffer(cloud.data, np.dtype({
        'names': list('xyz'), 'formats': ['<f4'] * 3, 'offsets': [offsets[name] for name in 'xyz'],
        'itemsize': cloud.point_step}))
    right, down, forward = xyz['x'], xyz['y'], xyz['z']
    far = np.sqrt(right**2 + down**2 + forward**2) >= source['min_range']
    x, y, z = forward, -right, CAMERA_HEIGHT_M - down  # base_footprint: forward, left, up
    high = (z >= source['min_height']) & (z <= source['max_height'])
    corners = np.array(json.loads(polygon['points']))  # a rectangle along the axes
    (left, bottom), (highest, top) = corners.min(axis=0), corners.max(axis=0)
    return int((far & high & (x > left) & (x < highest) & (y > bottom) & (y < top)).sum())


@pytest.mark.parametrize(('obstacle_m', 'slows'), [(None, False), (2.5, True), (6., False)])
def test_the_collision_monitor_slows_down_for_an_obstacle_and_not_for_the_road(obstacle_m, slows):
    frame = road(obstacle_m)
    cloud = points_message(point_cloud(frame, np.zeros((*SHAPE, 3), np.uint8), None),
                           make_header(10**9, 'camera'))
    polygon = MONITOR['PolygonSlow']
    count = points_in_polygon(cloud, MONITOR['points'], polygon)
    assert (count >= polygon['min_points']) is slows, count
