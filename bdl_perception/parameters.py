# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The ROS parameters of the nodes, each declared once: name, default, unit, bounds and description.

The ROS declarations, config/perception.yaml and docs/reference/parameters.md are made from them.
Parameters are read when a node starts; those that are live can be changed while it runs.
"""
from dataclasses import dataclass, fields

from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.parameter_spec import (
    parameter,
    parameter_of,
    parameter_specs,
    Parameters,
    ParameterSpec,
)
from bdl_perception.perception.backend import DEFAULT_MODEL, FIT_MODES, PRECISIONS, PROVIDERS
from bdl_perception.perception.data_types import MAX_IMAGE_PIXELS
from bdl_perception.perception.regions import DEFAULT_REGIONS_TEXT

TRANSPORTS = ('raw', 'compressed')
SPEED_LIMITS = ('off', 'absolute', 'percentage')
MAX_HEARTBEAT_PERIODS = 2.0  # without an alert; one lost heartbeat must not stop a vehicle
MAX_CYCLES = 2  # from the frame of a Monte Carlo result to the end of the following cycle
TRANSPORT_TEXT = 'compressed: sensor_msgs/CompressedImage on image_topic/compressed'
IGNORED_OPTIONS = {'onnxruntime': ('precision',), 'torch': ('precision', 'provider'),
                   'tensorrt': ('provider',)}  # by the backend


@dataclass(frozen=True)
class PerceptionParameters(Parameters):
    """Parameters of perception_node."""

    model: str = parameter(DEFAULT_MODEL, 'name of a shipped model, or a model folder')
    backend: str = parameter('auto', 'inference backend; auto: the best one that is installed')
    threads: int = parameter(2, 'threads of the backend; 0: one per core', low=0, high=256)
    provider: str = parameter(
        'cpu', 'device of backend onnxruntime; cuda and tensorrt need onnxruntime-gpu',
        choices=PROVIDERS)
    precision: str = parameter(
        'fp32', 'precision of backend tensorrt; fp16 is faster and needs its own calibration',
        choices=PRECISIONS)
    fit_mode: str = parameter(
        'crop', 'how a frame of another aspect ratio is fitted to the network: centre crop, or '
        'stretch; a calibration holds for one mode', choices=FIT_MODES)
    samples: int = parameter(
        16, 'Monte Carlo samples per cycle, a multiple of the chunk of the model (4); a '
        'calibration holds for one number', low=2, high=256)
    seed: int = parameter(
        0, 'seed of the dropout masks; a calibration holds for one seed', low=0, high=2**31 - 1)
    regions: str = parameter(
        DEFAULT_REGIONS_TEXT, 'polygons of the frame that have their own scores: name=x,y x,y x,y '
        'separated by ; with x and y as fractions of width and height; a calibration holds for '
        'one set')
    frame_budget_s: float = parameter(
        .033, 'time from one frame to the next; samples run in it if they delay no frame', 's',
        .001, 10)
    epistemic_refresh_s: float = parameter(
        0.2, 'target duration of a Monte Carlo cycle; to meet it, a sample may delay a frame',
        's', .01, 60)
    image_topic: str = parameter('image', 'topic of the camera, without /compressed')
    camera_info_topic: str = parameter('camera_info', 'topic of the camera geometry')
    image_transport: str = parameter('raw', TRANSPORT_TEXT, choices=TRANSPORTS)
    max_image_pixels: int = parameter(
        MAX_IMAGE_PIXELS, 'a compressed image whose header claims more is refused before it is '
        'decoded', 'px', 1, 2**30)
    status_hz: float = parameter(5.0, 'rate of the status topic', 'Hz', 1, 50)
    autostart: bool = parameter(False, 'configure and activate the node at its start')

    def contradiction(self) -> str:
        """Return which topics exclude each other, or which option the backend ignores."""
        return (topic_contradiction(self.image_topic, self.camera_info_topic)
                or self.ignored_option(self.backend))

    def ignored_option(self, backend: str) -> str:
        """Return which option was changed although this backend ignores it; empty: none."""
        for name in IGNORED_OPTIONS.get(backend, ()):
            value, default = getattr(self, name), getattr(PerceptionParameters, name)
            if value != default:
                return f'{name} is {value!r}, but backend {backend} ignores it: set {default!r}'
        return ''


@dataclass(frozen=True)
class AlertParameters(Parameters):
    """Parameters of alert_node."""

    calibration: str = parameter(
        DEFAULT_MODEL, 'calibration file, or name of a shipped model, or a model folder')
    learn: str = parameter(
        '', 'file to which a calibration is written that is learned while somebody drives, in '
        'place of `calibration`; a file that exists is used and not replaced')
    learn_minutes: float = parameter(
        30.0, 'time of nominal driving to learn from', 'min', 2, 240)
    camera: str = parameter(
        'camera', 'name of the camera in /diagnostics and in a calibration by camera')
    cameras: str = parameter(
        '', 'several cameras, such as front,rear: the namespaces of their perception_nodes')
    heartbeat_hz: float = parameter(10.0, 'rate of the alert topic', 'Hz', 2, 100)
    stale_after_s: float = parameter_of(AlertPolicy, 'stale_after_s')
    epistemic_max_age_s: float = parameter_of(AlertPolicy, 'epistemic_max_age_s')
    max_frame_age_s: float = parameter_of(AlertPolicy, 'max_frame_age_s')
    min_stale_after_s: float = parameter_of(AlertPolicy, 'min_stale_after_s')
    recovery_s: float = parameter_of(AlertPolicy, 'recovery_s')
    tolerated_faults: int = parameter_of(AlertPolicy, 'tolerated_faults')
    hold_s: float = parameter_of(AlertPolicy, 'hold_s')
    warning_level: str = parameter_of(AlertPolicy, 'warning_level')
    clear_s: float = parameter_of(AlertPolicy, 'clear_s')
    clear_fraction: float = parameter_of(AlertPolicy, 'clear_fraction')

    def contradiction(self) -> str:
        """Return which parameters exclude each other: cameras, learning, or times of silence."""
        if self.cameras and self.camera != AlertParameters.camera:
            return (f'camera is {self.camera!r} and cameras is {self.cameras!r}, give only one '
                    f'of them')
        if self.cameras and self.learn:
            return (f'cameras is {self.cameras!r} and learn is {self.learn!r}: learn one camera '
                    f'at a time, or use `bdl calibrate --from-scores --group-by camera`')
        if self.min_stale_after_s > self.stale_after_s:
            return (f'min_stale_after_s is {self.min_stale_after_s} and stale_after_s is '
                    f'{self.stale_after_s}, the minimum must not be above the maximum')
        return ''

    def policy(self) -> AlertPolicy:
        """Select the parameters of the AlertMachine."""
        return AlertPolicy(**{item.name: getattr(self, item.name) for item in fields(AlertPolicy)})


@dataclass(frozen=True)
class CameraParameters(Parameters):
    """Parameters of camera_node."""

    path: str = parameter('', 'folder of images or of a rendered drive, video file, or bag')
    rate_hz: float = parameter(
        0.0, 'frame rate; 0: the rate of the recording', 'Hz', 0, 1000)
    loop: bool = parameter(False, 'start again at the end; false: the node exits')
    image_topic: str = parameter('image', 'topic of the images, without /compressed')
    camera_info_topic: str = parameter(
        'camera_info', 'topic of the camera geometry, if the recording has it')
    image_transport: str = parameter('raw', TRANSPORT_TEXT, choices=TRANSPORTS)
    jpeg_quality: int = parameter(90, 'quality of compressed images', low=1, high=100)
    frame_id: str = parameter(
        '', 'frame_id of the images; empty: that of the recording, or camera_optical_frame with '
        'the namespace before it, such as front_camera_optical_frame')
    wait_for_subscribers: int = parameter(
        0, 'number of image subscribers to wait for before the first frame', low=0, high=100)
    start_delay_s: float = parameter(
        0.5, 'delay after that, in which the subscribers discover this node', 's', 0, 3600)

    def contradiction(self) -> str:
        """Return which topics exclude each other."""
        return topic_contradiction(self.image_topic, self.camera_info_topic)


@dataclass(frozen=True)
class GovernorParameters(Parameters):
    """Parameters of governor_node."""

    rate_hz: float = parameter(20.0, 'rate of the velocity commands', 'Hz', 1, 200)
    max_alert_age_s: float = parameter_of(GovernorPolicy, 'max_alert_age_s')
    max_command_age_s: float = parameter(
        0.5, 'maximum age of the input command; older: stop', 's', .05, 10, live=True)
    warn_linear_m_s: float = parameter_of(GovernorPolicy, 'warn_linear_m_s')
    warn_angular_rad_s: float = parameter_of(GovernorPolicy, 'warn_angular_rad_s')
    crawl_linear_m_s: float = parameter_of(GovernorPolicy, 'crawl_linear_m_s')
    crawl_angular_rad_s: float = parameter_of(GovernorPolicy, 'crawl_angular_rad_s')
    recover_after_s: float = parameter_of(GovernorPolicy, 'recover_after_s')
    max_deceleration_m_s2: float = parameter_of(GovernorPolicy, 'max_deceleration_m_s2')
    max_angular_deceleration_rad_s2: float = parameter_of(
        GovernorPolicy, 'max_angular_deceleration_rad_s2')
    max_jerk_m_s3: float = parameter_of(GovernorPolicy, 'max_jerk_m_s3')
    stamped: bool = parameter(
        False, 'both velocity topics are geometry_msgs/TwistStamped instead of Twist')
    nav2_speed_limit: str = parameter(
        'off', 'publish the limit on speed_limit for the controller of Nav2, in m/s or percent; '
        'needs nav2_msgs', choices=SPEED_LIMITS)
    nav2_max_speed_m_s: float = parameter(
        0.0, 'maximum speed of that controller, which it must be given', 'm/s', 0, 100)

    def contradiction(self) -> str:
        """Return that the maximum speed is missing: a limit above it may raise the speed."""
        if self.nav2_speed_limit != 'off' and not self.nav2_max_speed_m_s:
            return (f'nav2_speed_limit is {self.nav2_speed_limit!r}, but nav2_max_speed_m_s is 0: '
                    f'set the maximum speed of the controller')
        return ''

    def policy(self) -> GovernorPolicy:
        """Select the parameters of govern(); ValueError if a crawl is faster than at WARN."""
        return GovernorPolicy(**{item.name: getattr(self, item.name)
                                 for item in fields(GovernorPolicy)})


def heartbeat_contradiction(period_s: float, max_alert_age_s: float) -> str:
    """Return that a governor would stop between two alerts of this period; empty: it does not."""
    needed_s = MAX_HEARTBEAT_PERIODS * period_s
    if not needed_s < 1e6 or max_alert_age_s >= needed_s:  # no deadline is offered: unknown
        return ''
    return (f'max_alert_age_s of governor_node is {max_alert_age_s:g} s, but the alert comes '
            f'every {period_s:g} s: set at least {needed_s:g}, or raise its heartbeat_hz')


def epistemic_contradiction(refresh_s: float, max_age_s: float) -> str:
    """Return that each Monte Carlo result would become too old before the next one."""
    needed_s = MAX_CYCLES * refresh_s
    if max_age_s >= needed_s:
        return ''
    return (f'epistemic_max_age_s of alert_node is {max_age_s:g} s, but epistemic_refresh_s of '
            f'perception_node is {refresh_s:g} s: set at least {needed_s:g}, or lower the latter')


def topic_contradiction(image_topic: str, camera_info_topic: str) -> str:
    """Return why these topics cannot be used together; empty: they can."""
    if image_topic == camera_info_topic:
        return f'image_topic and camera_info_topic are both {image_topic!r}, must differ'
    if image_topic.endswith('/compressed'):
        return (f'image_topic is {image_topic!r}, must not have /compressed: set image_transport '
                f'to compressed instead')
    return ''


NODES: dict[str, type[Parameters]] = {
    'camera_node': CameraParameters,
    'perception_node': PerceptionParameters,
    'alert_node': AlertParameters,
    'governor_node': GovernorParameters,
}

_YAML_HEAD = """\
# Parameters of the nodes with their defaults, generated from bdl_perception/parameters.py.
# Use: ros2 launch bdl_perception perception.launch.py params_file:=this_file
"""


def yaml_text() -> str:
    """Format config/perception.yaml; the keys match the nodes in every namespace."""
    blocks = (f'/**/{node}:\n  ros__parameters:\n'
              + '\n'.join(map(_yaml_entry, parameter_specs(cls))) for node, cls in NODES.items())
    return _YAML_HEAD + '\n' + '\n\n'.join(blocks) + '\n'


def _yaml_entry(spec: ParameterSpec) -> str:
    bounds = f' ({spec.bounds}{" " * bool(spec.unit) + spec.unit})' if spec.bounds else ''
    value = f"'{spec.default}'" if spec.kind is str else str(spec.default).lower()
    return f'    # {spec.doc}{bounds}\n    {spec.name}: {value}'
