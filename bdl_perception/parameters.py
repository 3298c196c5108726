# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Every parameter of every node once: name, default, unit, bounds and what it does.

The ROS declarations, config/perception.yaml and the tables of the README come from here. All of
them are read when a node starts and cannot be changed afterwards.
"""
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.perception.regions import DEFAULT_REGIONS_TEXT

ParameterValue = bool | int | float | str


class ParameterSpec(NamedTuple):
    """One parameter as a table shows it."""

    name: str
    kind: type
    default: ParameterValue
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    doc: str

    @property
    def bounds(self) -> str:
        """Say what is allowed, empty when everything is."""
        if self.choices:
            return ' or '.join(map(repr, self.choices))
        return '' if self.low is None else f'{self.low:.10g} to {self.high:.10g}'


def parameter(default: ParameterValue, doc: str, unit: str = '', low: float | None = None,
              high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """Declare a parameter of a dataclass; a number needs both bounds."""
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        if low is None or high is None:
            raise TypeError(f'the parameter "{doc}" is a number without bounds, give low and high')
    return field(default=default, metadata={
        'doc': doc, 'unit': unit, 'low': low, 'high': high, 'choices': choices})


def parameter_specs(cls: type) -> tuple[ParameterSpec, ...]:
    """List the parameters of one of the classes below."""
    defaults: dict[str, Any] = {item.name: item.default for item in fields(cls)}
    return tuple(ParameterSpec(item.name, type(defaults[item.name]), defaults[item.name], **item.metadata)
                 for item in fields(cls))


def check_parameter(spec: ParameterSpec, value: object) -> None:
    """Refuse a value of the wrong type or outside the bounds with a ValueError that says so."""
    allowed: tuple[type, ...] = (int, float) if spec.kind is float else (spec.kind,)
    if not isinstance(value, allowed) or isinstance(value, bool) != (spec.kind is bool):
        raise ValueError(f'parameter {spec.name} is {value!r}, must be a {spec.kind.__name__}')
    if spec.choices and value not in spec.choices:
        raise ValueError(f'parameter {spec.name} is {value!r}, must be {spec.bounds}')
    if spec.low is None or spec.high is None or not isinstance(value, (int, float)):
        return
    if not spec.low <= value <= spec.high:  # NaN lies nowhere
        unit = f' {spec.unit}' if spec.unit else ''
        raise ValueError(f'parameter {spec.name} is {value!r}, must lie in {spec.bounds}{unit}')


class Parameters:
    """A set of parameters that is valid once it exists."""

    def __post_init__(self) -> None:
        """Check every value against its row."""
        for row in parameter_specs(type(self)):
            check_parameter(row, getattr(self, row.name))


TRANSPORTS = ('raw', 'compressed')
PROVIDERS = ('cpu', 'cuda', 'tensorrt')
FIT_MODES = ('crop', 'stretch')
PRECISIONS = ('fp32', 'fp16')


@dataclass(frozen=True)
class PerceptionParameters(Parameters):
    """What perception_node can be told."""

    model: str = parameter('street', 'name of a shipped model, or a model folder')
    backend: str = parameter('auto', 'what runs the network; auto: the best that is there')
    threads: int = parameter(2, 'of the backend; 0: one for each core', low=0, high=256)
    provider: str = parameter(
        'cpu', 'of backend onnxruntime; cuda and tensorrt need onnxruntime-gpu',
        choices=PROVIDERS)
    precision: str = parameter(
        'fp32', 'of backend tensorrt; fp16 is faster and wants a calibration of its own',
        choices=PRECISIONS)
    fit_mode: str = parameter(
        'crop', 'how a picture of another shape meets the network: its middle, or distorted; a '
        'calibration is bound to it', choices=FIT_MODES)
    samples: int = parameter(
        16, 'Monte Carlo samples of a cycle, a multiple of the chunk of the model (4); a '
        'calibration is bound to it', low=2, high=256)
    seed: int = parameter(
        0, 'draws the dropout masks; a calibration is bound to it', low=0, high=2**31 - 1)
    regions: str = parameter(
        DEFAULT_REGIONS_TEXT, 'parts of the picture that are scored on their own, name=x,y x,y x,y with '
        '; between, in parts of its width and height; a calibration is bound to them')
    frame_budget_s: float = parameter(
        .033, 'from one picture to the next; samples that fit in between delay none', 's',
        .001, 10)
    epistemic_refresh_s: float = parameter(
        0.2, 'samples that would end a cycle later than this may delay a picture', 's', .01, 60)
    image_topic: str = parameter('image', 'camera topic, without /compressed')
    camera_info_topic: str = parameter('camera_info', 'geometry of the camera')
    image_transport: str = parameter(
        'raw', 'compressed: sensor_msgs/CompressedImage on image_topic/compressed',
        choices=TRANSPORTS)
    status_hz: float = parameter(5.0, 'heartbeat of the status topic', 'Hz', 1, 50)
    autostart: bool = parameter(False, 'configure and activate without being asked to')


@dataclass(frozen=True)
class AlertParameters(Parameters):
    """What alert_node can be told."""

    calibration: str = parameter(
        'street', 'calibration file, or name of a shipped model, or a model folder')
    camera: str = parameter(
        'camera', 'name of the camera in /diagnostics and in a calibration by camera')
    cameras: str = parameter(
        '', 'several instead, such as front,rear: the namespaces of their perception_nodes')
    heartbeat_hz: float = parameter(10.0, 'alerts a second, whatever happens', 'Hz', 2, 100)
    stale_after_s: float = parameter(
        AlertPolicy.stale_after_s, 'status or scores older than this: STALE', 's', .05, 60)
    epistemic_max_age_s: float = parameter(
        AlertPolicy.epistemic_max_age_s,
        'a Monte Carlo result of a picture older than this: STALE', 's', .05, 60)
    max_frame_age_s: float = parameter(
        AlertPolicy.max_frame_age_s, 'pictures older than this on arrival: STALE', 's', .05, 60)
    hold_s: float = parameter(
        AlertPolicy.hold_s, 'ERROR stays at least so long', 's', 0, 600)
    clear_s: float = parameter(
        AlertPolicy.clear_s, 'so long without a strange score before OK is earned', 's', 0, 600)
    clear_fraction: float = parameter(
        AlertPolicy.clear_fraction, 'of the evidence limit, to fall below before OK', '', .01, 1)


@dataclass(frozen=True)
class CameraParameters(Parameters):
    """What camera_node can be told."""

    path: str = parameter('', 'folder of images or of a rendered drive, video file, or bag')
    rate_hz: float = parameter(0.0, 'pictures a second; 0: as recorded', 'Hz', 0, 1000)
    loop: bool = parameter(False, 'start again at the end; otherwise the node ends')
    image_topic: str = parameter('image', 'topic of the pictures, without /compressed')
    camera_info_topic: str = parameter('camera_info', 'topic of the geometry, when it is known')
    image_transport: str = parameter(
        'raw', 'compressed: sensor_msgs/CompressedImage on image_topic/compressed',
        choices=TRANSPORTS)
    jpeg_quality: int = parameter(90, 'of compressed pictures', low=1, high=100)
    frame_id: str = parameter('', 'frame of the pictures; empty: as recorded')
    wait_for_subscribers: int = parameter(
        0, 'no picture before so many listen to the pictures', low=0, high=100)
    start_delay_s: float = parameter(
        0.5, 'then wait, so that the other side knows of us too', 's', 0, 3600)


@dataclass(frozen=True)
class GovernorParameters(Parameters):
    """What governor_node can be told."""

    rate_hz: float = parameter(20.0, 'commands a second', 'Hz', 1, 200)
    max_alert_age_s: float = parameter(
        GovernorPolicy.max_alert_age_s, 'an alert older than this stops', 's', .05, 10)
    max_command_age_s: float = parameter(
        0.5, 'a command older than this stops', 's', .05, 10)
    warn_linear_m_s: float = parameter(
        GovernorPolicy.warn_linear_m_s, 'fastest at WARN', 'm/s', 0, 100)
    warn_angular_rad_s: float = parameter(
        GovernorPolicy.warn_angular_rad_s, 'fastest turn at WARN', 'rad/s', 0, 10)
    crawl_linear_m_s: float = parameter(
        GovernorPolicy.crawl_linear_m_s, 'fastest at ERROR and STALE; 0 stops', 'm/s', 0, 100)
    crawl_angular_rad_s: float = parameter(
        GovernorPolicy.crawl_angular_rad_s, 'fastest turn at ERROR and STALE', 'rad/s', 0, 10)


NODES: dict[str, type[Parameters]] = {
    'camera_node': CameraParameters,
    'perception_node': PerceptionParameters,
    'alert_node': AlertParameters,
    'governor_node': GovernorParameters,
}

_YAML_HEAD = """\
# Parameters of the nodes with their defaults, made from bdl_perception/parameters.py.
# Use: ros2 launch bdl_perception perception.launch.py params_file:=this_file
"""


def yaml_text() -> str:
    """Write config/perception.yaml; the keys match the nodes in every namespace."""
    blocks = (f'/**/{node}:\n  ros__parameters:\n' + '\n'.join(map(_yaml_entry, parameter_specs(cls)))
              for node, cls in NODES.items())
    return _YAML_HEAD + '\n' + '\n\n'.join(blocks) + '\n'


def _yaml_entry(spec: ParameterSpec) -> str:
    bounds = f' ({spec.bounds}{" " * bool(spec.unit) + spec.unit})' if spec.bounds else ''
    value = f"'{spec.default}'" if spec.kind is str else str(spec.default).lower()
    return f'    # {spec.doc}{bounds}\n    {spec.name}: {value}'
