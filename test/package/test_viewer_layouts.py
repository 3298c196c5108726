# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The layouts of Foxglove and PlotJuggler agree with topics, alert and colour ranges."""
import json
import re
from xml.etree import ElementTree

from bdl_perception.alarm.alert_types import alert_diagnostics, AlertState
from bdl_perception.drives.topic_recording import CAMERA_INFO_TOPIC, CAMERA_TOPIC
from bdl_perception.model_store import load_calibration
from bdl_perception.perception import visualization
from bdl_perception.topics import ALERT_TOPIC, DIAGNOSTICS_TYPE, IMAGE_TYPE, TOPICS
import pytest
from source_tree import ROOT

LAYOUT = json.loads((ROOT / 'config' / 'foxglove.json').read_text(encoding='utf-8'))
PANELS = LAYOUT['configById']
IMAGES = {name: panel['imageMode'] for name, panel in PANELS.items() if 'imageMode' in panel}
CURVES = [curve.get('name') for curve in ElementTree.parse(
    ROOT / 'config' / 'plotjuggler.xml').getroot().iter('curve')]
PATH = re.compile(r'(/[\w/]+)\.status\[0\]\.(?:level|values\[:\]\{key=="(\w+)"\}\.value)')
RANGES = {'/depth/image': visualization.DEPTH_RANGE_M,
          '/depth/aleatoric_std': visualization.STD_RANGE_M,
          '/depth/epistemic_std': visualization.STD_RANGE_M,
          '/segmentation/mutual_information': visualization.MUTUAL_INFORMATION_RANGE_NAT}


def topic_names(kind):
    return {f'/{topic.name.lstrip("/")}' for topic in TOPICS if topic.type == kind}


def alert_keys():
    """Give the keys of an alert with the shipped calibration."""
    watched = load_calibration('street').distribution.watched
    values = dict.fromkeys(watched, 1.)
    [found] = alert_diagnostics({'camera': AlertState(
        0, (), statistics=values, thresholds=values, cusum_limit=1.)})
    return found, {key for key, _ in found.values}, watched


def plotted():
    """Give the topic and the key of each path of a plot or of the transitions."""
    return [PATH.fullmatch(path['value']).groups() for panel in PANELS.values()
            for path in panel.get('paths', ())]


def panels_of(layout):
    if isinstance(layout, str):
        return [layout]
    return [*panels_of(layout['first']), *panels_of(layout['second'])]


def test_foxglove_shows_each_configured_panel_once():
    assert sorted(panels_of(LAYOUT['layout'])) == sorted(PANELS)


def test_foxglove_shows_topics_that_are_recorded():
    assert {mode['imageTopic'] for mode in IMAGES.values()} <= {
        CAMERA_TOPIC, *topic_names(IMAGE_TYPE)}
    assert {mode['calibrationTopic'] for mode in IMAGES.values()} == {
        CAMERA_INFO_TOPIC, '/depth/camera_info', '/segmentation/camera_info'}
    assert PANELS['DiagnosticSummary!alert']['topicToRender'] in topic_names(DIAGNOSTICS_TYPE)


@pytest.mark.parametrize('topic', RANGES)
def test_foxglove_colours_the_maps_in_the_fixed_ranges(topic):
    [mode] = [one for one in IMAGES.values() if one['imageTopic'] == topic]
    assert (mode['minValue'], mode['maxValue']) == RANGES[topic]
    assert (mode['colorMode'], mode['colorMap']) == ('colormap', 'turbo')


def test_foxglove_plots_every_watched_score_with_its_threshold_and_the_level():
    _, keys, watched = alert_keys()
    shown = plotted()
    assert {topic for topic, _ in shown} == {f'/{ALERT_TOPIC.name}'}
    assert {key for _, key in shown if key} <= keys
    assert {key for _, key in shown} == {
        None, 'cusum', 'cusum_limit', *(f'{kind}_{name}' for kind in ('score', 'threshold')
                                        for name in watched)}


def test_plotjuggler_plots_the_same_series():
    found, keys, _ = alert_keys()
    prefix = f'/{ALERT_TOPIC.name}/{found.hardware_id}/{found.name}/'  # as its parser names them
    assert all(curve.startswith(prefix) for curve in CURVES)
    assert {curve.removeprefix(prefix) for curve in CURVES} == {
        key for _, key in plotted() if key} <= keys
