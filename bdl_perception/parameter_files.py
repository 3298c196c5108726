# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Read a ROS parameter file, and find values of several nodes that contradict each other."""
from difflib import get_close_matches
from pathlib import Path
import re
from typing import Any, Callable, Iterable, Mapping, Sequence

from bdl_perception.parameter_spec import parameter_specs
from bdl_perception.parameters import (
    AlertParameters,
    epistemic_contradiction,
    GovernorParameters,
    heartbeat_contradiction,
    NODES,
    PerceptionParameters,
)
import yaml

MIN_SIMILARITY = .8  # of a misspelt node and the one that is suggested
Section = Mapping[str, Any]  # parameter -> value
OWN_TOPIC = 'with cameras it is a name within the namespace of each camera, without a leading /'


def read_parameter_file(path: Path) -> dict[str, Any]:
    """Read a file as node pattern -> section; ValueError: it is not a ROS parameter file."""
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
        return {str(pattern): dict(section['ros__parameters'] or {})
                for pattern, section in _flattened('', document)}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError,
            yaml.YAMLError) as error:
        raise ValueError(f'{path} is not a ROS parameter file ({" ".join(str(error).split())}): '
                         f'write it like config/perception.yaml') from error


def _flattened(prefix: str, document: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """List the sections; a namespace may be a key of its own around its nodes."""
    for key, value in document.items():
        if 'ros__parameters' in value:
            yield f'{prefix}{key}', value
        else:
            yield from _flattened(f'{prefix}{key}/', value)


def parameters_of(document: Mapping[str, Section], full_name: str) -> dict[str, Any]:
    """Merge the sections that hold for a node, such as /front/perception_node, in their order."""
    merged: dict[str, Any] = {}
    for pattern, section in document.items():
        if _pattern(pattern).fullmatch(full_name):
            merged.update(section)
    return merged


def _pattern(text: str) -> 're.Pattern[str]':
    """Compile a node pattern: ** is any namespaces, * is one name (rcl_yaml_param_parser)."""
    parts = [{'**': '.*', '*': '[^/]+'}.get(part, re.escape(part))
             for part in text.strip('/').split('/')]
    return re.compile('/' + '/'.join(parts).replace('.*/', '(.*/)?'))


def misspelt_nodes(arguments: Sequence[str]) -> list[str]:
    """List the sections of --params-file that are for no node, but for nearly one of ours."""
    found = []
    for option, value in zip(arguments, arguments[1:], strict=False):
        try:
            document = read_parameter_file(Path(value)) if option == '--params-file' else {}
        except (OSError, ValueError):
            continue  # rcl names the error
        for pattern in document:
            name = pattern.rpartition('/')[2]
            near = get_close_matches(name, NODES, 1, MIN_SIMILARITY)
            if near and name not in NODES:
                found.append(f'{value}: no node of this package is named {name!r:.100}, so that '
                             f'its section is not read; did you mean {near[0]!r}?')
    return found


def contradictions(document: Mapping[str, Section], names: Iterable[str]) -> list[str]:
    """
    List why the values of nodes with these full names exclude each other.

    A node is paired with the alert_node in its namespace or in the nearest one around it; values
    that the file does not give are the defaults. Invalid values are left to the node that has
    them.
    """
    known = list(names)
    alerts = [name for name in known if name.rpartition('/')[2] == 'alert_node']
    found = []
    for name in known:
        around = [alert for alert in alerts
                  if f'{name.rpartition("/")[0]}/'.startswith(f'{alert.rpartition("/")[0]}/')]
        if around and (text := _contradiction(document, name, max(around, key=len))):
            found.append(f'{name} and {max(around, key=len)}: {text}')
    return found


def shared_topics(document: Mapping[str, Section], names: Sequence[str], topics: Iterable[str],
                  expand: Callable[[str, str, str], str]) -> list[str]:
    """
    List which topics are the same for two perception_nodes with these full names.

    topics: the parameters to compare, such as image_topic; expand: expand_topic_name of rclpy,
    whose errors are listed too. Each camera has its own topics, or the alert of one would be that
    of another.
    """
    found = []
    for topic in topics:
        users: dict[str, list[str]] = {}
        for name in names:
            given = parameters_of(document, name).get(topic, getattr(PerceptionParameters, topic))
            namespace, _, node = name.rpartition('/')
            try:
                users.setdefault(expand(str(given), node, namespace or '/'), []).append(name)
            except ValueError as error:
                found.append(f'{topic} of {name}: {error}')
        found += [f'{topic} of {" and ".join(nodes)} is {resolved!r}: {OWN_TOPIC}'
                  for resolved, nodes in users.items() if len(nodes) > 1]
    return found


def _contradiction(document: Mapping[str, Section], name: str, alert: str) -> str:
    node = name.rpartition('/')[2]
    try:
        alerts = AlertParameters(**_known(document, alert))
        if node == 'perception_node':
            refresh_s = PerceptionParameters(**_known(document, name)).epistemic_refresh_s
            return epistemic_contradiction(refresh_s, alerts.epistemic_max_age_s)
        if node == 'governor_node':
            max_age_s = GovernorParameters(**_known(document, name)).max_alert_age_s
            return heartbeat_contradiction(1 / alerts.heartbeat_hz, max_age_s)
    except ValueError:
        return ''  # the node with the invalid value names it, and does not start
    return ''


def _known(document: Mapping[str, Section], name: str) -> dict[str, Any]:
    """Leave out what the node itself rejects as unknown, and what belongs to rclpy."""
    given = parameters_of(document, name)
    return {spec.name: given[spec.name]
            for spec in parameter_specs(NODES[name.rpartition('/')[2]]) if spec.name in given}
