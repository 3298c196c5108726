# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl doctor`: check what the nodes and commands need on this machine; problems and remedies."""
import argparse
from importlib.util import find_spec
import json
import os
from pathlib import Path
import platform
import shutil
import stat
import sys
from typing import Callable, Iterator, Mapping, NamedTuple

from bdl_perception.cli.arguments import add_model_argument, parse_non_negative, parsed_by
from bdl_perception.version import software_version

OK, NOTE, PROBLEM = 'ok', 'note', 'problem'
SHARED_MEMORY = Path('/dev/shm')
MIN_SHARED_MEMORY_MB = 64  # two segments of demo/fastdds.xml
DEFAULT_RMW = 'rmw_fastrtps_cpp'
TOPIC_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage',
               'sensor_msgs/msg/CameraInfo', 'diagnostic_msgs/msg/DiagnosticArray')


class Finding(NamedTuple):
    """The result of one check."""

    part: str  # of the report
    name: str
    value: str
    state: str = OK
    remedy: str = ''  # of a problem, or what a note allows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the time for topics, and the output."""
    add_model_argument(parser, 'append', [], 'every shipped model; repeat the option for several')
    parser.add_argument('--topics-s', type=parsed_by(parse_non_negative), default=2.0, metavar='S',
                        help='time to discover topics; 0: they are left out '
                             '(default: %(default)s)')
    parser.add_argument('--json', action='store_true', help='print JSON (default: text)')


def run(arguments: argparse.Namespace) -> int:
    """Run every check; 1 when one finds a problem."""
    from bdl_perception.model_store import shipped_models
    models = arguments.model or list(shipped_models())
    checks: list[Callable[[], Iterator[Finding]]] = [
        check_package, check_ros, check_shared_memory, check_inference, check_engine_cache,
        *(lambda model=model: check_model(model) for model in models),
        lambda: check_topics(arguments.topics_s)]
    found = [finding for check in checks for finding in check()]
    print(json.dumps([one._asdict() for one in found], indent=1) if arguments.json
          else report(found))
    return int(any(one.state == PROBLEM for one in found))


def report(found: list[Finding]) -> str:
    """Write the findings by part, then the problems with their remedies."""
    lines = []
    for part in dict.fromkeys(one.part for one in found):
        lines.append(part)
        lines += [f'  {one.state:8}{one.name}: {one.value}' for one in found if one.part == part]
    for state, title in ((PROBLEM, 'Problems'), (NOTE, 'Notes')):
        chosen = [one for one in found if one.state == state]
        lines.append(f'{title}: {len(chosen) or "none"}')
        lines += [f'  {one.name}: {one.value}\n    {one.remedy}' for one in chosen]
    return '\n'.join(lines)


def check_package() -> Iterator[Finding]:
    """Report the version and the Python that runs it."""
    version = software_version()
    yield Finding('Package', 'bdl_perception', version,
                  OK if version != 'not installed' else PROBLEM,
                  '`pip install -e .` in the checkout: without a version no calibration is valid')
    yield Finding('Package', 'Python', f'{platform.python_version()}, {sys.executable}')
    yield Finding('Package', 'machine', f'{platform.machine()}, {os.cpu_count()} CPUs')


def check_ros(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Report ROS 2, its middleware and its domain."""
    if find_spec('rclpy') is None:
        yield Finding('ROS 2', 'rclpy', 'not installed', NOTE,
                      'nodes need it: source the setup.bash of ROS 2, or pip install '
                      '"bdl_perception[ros]"; commands without nodes do not')
        return
    rmw = environment.get('RMW_IMPLEMENTATION', DEFAULT_RMW)
    yield Finding('ROS 2', 'rclpy', f'distribution {environment.get("ROS_DISTRO", "unnamed")}')
    tested = rmw == DEFAULT_RMW
    yield Finding('ROS 2', 'RMW_IMPLEMENTATION', rmw, OK if tested else NOTE,
                  f'the package was tested with {DEFAULT_RMW} only')
    domain = environment.get('ROS_DOMAIN_ID', '0')
    valid = domain.isdecimal() and int(domain) <= 232
    yield Finding('ROS 2', 'ROS_DOMAIN_ID', domain, OK if valid else PROBLEM,
                  'must be 0 to 232; 0 to 101 on every system')
    yield Finding('ROS 2', 'discovery',
                  environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET (default)'))


def check_shared_memory(environment: Mapping[str, str] = os.environ,
                        folder: Path = SHARED_MEMORY) -> Iterator[Finding]:
    """Report the shared memory that images of nodes on one machine go through."""
    from bdl_perception.nodes.message_memory import PROFILE_VARIABLES
    part = 'Shared memory'
    if not folder.is_dir():
        yield Finding(part, str(folder), 'missing', PROBLEM,
                      'mount a tmpfs there; in a container give --ipc=host or --shm-size')
        return
    free_mb = shutil.disk_usage(folder).free / 2**20
    yield Finding(part, str(folder), f'{free_mb:.0f} MB free',
                  OK if free_mb >= MIN_SHARED_MEMORY_MB else PROBLEM,
                  f'below {MIN_SHARED_MEMORY_MB} MB large images are lost: remove fastrtps_* '
                  f'files of nodes that were killed, or give the container a larger --shm-size')
    name = next(filter(environment.get, PROFILE_VARIABLES), PROFILE_VARIABLES[0])
    profile = environment.get(name, '')
    if profile and not Path(profile).is_file():
        yield Finding(part, name, f'{profile} is missing', PROBLEM,
                      'Fast DDS ignores it; name an existing file')
    else:
        yield Finding(part, name, profile or 'not set', OK if profile else NOTE,
                      'images of more than half a megabyte may be lost with the default segment; '
                      'docs/ros2.md, "Shared memory for large images"')


def check_inference() -> Iterator[Finding]:
    """Report ONNX Runtime, TensorRT, the GPU, and the backend that auto selects."""
    from bdl_perception.backends import choose_backend
    from bdl_perception.backends.tensorrt.cuda import gpu_unavailable_reason
    from bdl_perception.backends.tensorrt.library import installed_libraries
    part = 'Inference'
    try:
        from bdl_perception.backends.onnxruntime_backend import installed_providers
        yield Finding(part, 'ONNX Runtime', ', '.join(installed_providers()))
    except ImportError as error:
        yield Finding(part, 'ONNX Runtime', f'does not load ({error})', PROBLEM,
                      '`pip install onnxruntime`')
    reason = gpu_unavailable_reason()
    yield Finding(part, 'GPU', reason or 'usable')
    yield Finding(part, 'TensorRT', ', '.join(installed_libraries()) or 'not installed')
    choice = choose_backend()
    yield Finding(part, 'backend: auto', f'{choice.name}: {choice.reason}')


def check_engine_cache() -> Iterator[Finding]:
    """Report the folder of compiled engines, which no other user may write."""
    from bdl_perception.backends.tensorrt.engine_cache import default_cache_folder
    folder = default_cache_folder()
    if not folder.is_dir():
        yield Finding('Engine cache', str(folder), 'not made yet')
        return
    mode, own = folder.stat().st_mode, folder.stat().st_uid == os.getuid()
    private = own and not mode & (stat.S_IRWXG | stat.S_IRWXO)
    files = [path for path in folder.rglob('*') if path.is_file()]
    size_mb = sum(path.stat().st_size for path in files) / 2**20
    yield Finding('Engine cache', str(folder),
                  f'{len(files)} files, {size_mb:.1f} MB, mode {stat.S_IMODE(mode):o}',
                  OK if private else PROBLEM,
                  f'engines are executable code: `chmod 700 {folder}`, or remove the folder')


def check_model(model: str) -> Iterator[Finding]:
    """Compare a model with its hashes, and its calibration with the model."""
    from bdl_perception.alarm.arming import rejection_reasons, version_rejection
    from bdl_perception.model_store import (
        CALIBRATION_FILE,
        load_calibration,
        load_model_files,
        ModelOptions,
    )
    from bdl_perception.perception.status import build_identity
    part = f'Model {model}'
    try:
        files = load_model_files(model)
    except ValueError as error:
        yield Finding(part, 'files', str(error), PROBLEM, 'give a folder of `bdl export`')
        return
    spec, options = files.spec, ModelOptions()
    yield Finding(part, 'files', f'{spec.width}x{spec.height} px, perceive '
                                 f'{spec.perceive_sha256[:12]}, sample {spec.sample_sha256[:12]}')
    yield Finding(part, 'terms of training data', spec.terms_line)
    if not (files.folder / CALIBRATION_FILE).is_file():
        yield Finding(part, 'calibration', 'none', NOTE,
                      'the alert stays STALE without one: `bdl calibrate` on your nominal drives')
        return
    try:
        calibration = load_calibration(files.folder)
    except ValueError as error:
        yield Finding(part, 'calibration', str(error), PROBLEM, 'calibrate again')
        return
    identity = build_identity(spec, options.samples, options.seed)
    outdated = version_rejection(calibration.provenance.software_version, software_version())
    reasons = [*filter(None, [outdated]), *rejection_reasons(calibration, identity)]
    yield Finding(part, 'calibration',
                  '; '.join(reasons) or f'valid, {calibration.independent_drive_count} drives',
                  PROBLEM if reasons else OK, 'the alarm is not armed: `bdl calibrate` again')


def check_topics(seconds: float) -> Iterator[Finding]:
    """Report the topics of cameras and alerts that are visible from here."""
    if seconds <= 0 or find_spec('rclpy') is None:
        return
    try:
        from bdl_perception.nodes.visible_topics import visible_topics
        topics = visible_topics(seconds)
    except (ImportError, RuntimeError, OSError) as error:
        yield Finding('Topics', 'discovery', str(error), PROBLEM,
                      'no ROS node can start here: check RMW_IMPLEMENTATION and ROS_DOMAIN_ID')
        return
    shown = [one for one in topics if set(one.types) & set(TOPIC_TYPES)]
    for one in shown:
        yield Finding('Topics', one.name, f'{", ".join(one.types)}, {one.publishers} publishers')
    if not shown:
        yield Finding('Topics', 'cameras and alerts', f'none in {seconds:g} s', NOTE,
                      'if nodes are running: compare ROS_DOMAIN_ID, '
                      'ROS_AUTOMATIC_DISCOVERY_RANGE and the firewall (UDP 7400 and up)')
