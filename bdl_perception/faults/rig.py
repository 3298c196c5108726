# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The nodes as processes on a private ROS domain, with a camera and a listener in this process.

The camera sends nominal frames, governor_node gets a constant command, and the listener records
each alert and each velocity with the time of its arrival. inject() begins a fault of INJECTIONS.
"""
from contextlib import contextmanager, ExitStack
import os
from pathlib import Path
import signal
import subprocess
from threading import Thread
import time
from typing import Any, Callable, Iterator, Mapping, Sequence

from bdl_perception.demo.processes import NodeProcess, NODES_PACKAGE, private_domain
from bdl_perception.faults.camera import FaultCamera, nominal_frames
from bdl_perception.faults.faulty_network import BACKEND_NAME, FAULT_FILE_VARIABLE
from bdl_perception.faults.injections import Injection, INJECTIONS
from bdl_perception.faults.intruder import Intruder, ok_alert, Publication
from bdl_perception.faults.listener import AlertRecord, CommandRecord, Listener
from bdl_perception.nodes import publishers
from bdl_perception.perception.backend import DEMO_MODEL
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist
import psutil
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

NODE_NAMES = ('alert_node', 'perception_node', 'governor_node')
FAULTY_NETWORK = ('bdl_perception.faults', 'faulty_network')  # runs as perception_node
DEFAULT_PARAMETERS: Mapping[str, Mapping[str, object]] = {
    'perception_node': {'autostart': True, 'backend': BACKEND_NAME}}
ALERT_SOURCE = Publication('alert', DiagnosticArray, lambda: publishers.alert_publisher_qos(10.),
                           ok_alert)
SPIN_S = 0.1
STOP_TIMEOUT_S = 15.0


class Rig:
    """Starts the nodes on entry and stops them on exit; one fault can be active at a time."""

    def __init__(self, folder: Path, model: str = DEMO_MODEL, rate_hz: float = 10.,
                 drive: Path | None = None,
                 parameters: Mapping[str, Mapping[str, object]] | None = None,
                 nodes: Sequence[str] = NODE_NAMES, camera: bool = True) -> None:
        """
        Prepare; folder: for the logs. model: also the calibration. drive: of the nominal frames.

        parameters: further ones by node. camera: False leaves the image topic to another node.
        """
        self.folder = folder
        self.alerts, self.commands = list[AlertRecord](), list[CommandRecord]()
        self.processes: dict[str, psutil.Process] = {}
        self._nodes, self._started = tuple(nodes), dict[str, NodeProcess]()
        given = {'perception_node': {'model': model}, 'alert_node': {'calibration': model}}
        self._parameters = {node: {**DEFAULT_PARAMETERS.get(node, {}), **given.get(node, {}),
                                   **(parameters or {}).get(node, {})}
                            for node in (*nodes, 'camera_node')}
        self._nominal, self._rate_hz = nominal_frames(drive), rate_hz
        self._has_camera = camera
        self._fault_file = folder / 'network_fault'
        self.started_last = ''  # node
        self._active: Injection | None = None
        self._intruder: Intruder | None = None
        self._alert_source: Intruder | None = None
        self._stack = ExitStack()
        self._spinning = True

    def __enter__(self) -> 'Rig':
        """Join a private domain and start everything."""
        with ExitStack() as stack:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._environment = stack.enter_context(private_domain())
            stack.enter_context(_environment_variables(self._environment))
            self._fault_file.unlink(missing_ok=True)
            stack.callback(self._stop_processes)
            self._join(stack)
            for name in self._nodes:
                self.start(name)
            if 'alert_node' not in self._nodes:
                self._alert_source = Intruder(self._context, ALERT_SOURCE, 'alert_node')
                stack.callback(self._alert_source.stop)
            stack.callback(self.stop_publishing)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._stack.close()

    def _join(self, stack: ExitStack) -> None:
        """Start the camera and the listener."""
        self._context = context = Context()
        context.init(domain_id=int(self._environment['ROS_DOMAIN_ID']))
        stack.callback(context.try_shutdown)
        self.listener = Listener(context, self.alerts, self.commands)
        stack.callback(self.listener.destroy_node)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(self.listener)
        thread = Thread(target=self._spin, args=(executor,), name='rig', daemon=True)
        self._spinning = True
        thread.start()
        stack.callback(self._stop_spinning, thread)
        if self._has_camera:
            transport = self._parameters['perception_node'].get('image_transport', 'raw')
            self.camera = FaultCamera(self.listener, self._nominal, self._rate_hz,
                                      transport == 'compressed')
            self.camera.start()
            stack.callback(self.camera.stop)

    def _spin(self, executor: SingleThreadedExecutor) -> None:
        while self._spinning:
            executor.spin_once(timeout_sec=SPIN_S)

    def _stop_spinning(self, thread: Thread) -> None:
        self._spinning = False
        thread.join()

    def start(self, node: str, **parameters: object) -> NodeProcess:
        """Start a node with the parameters of the rig, changed by these."""
        if node in self._started:
            self.stop(node)
        package, module = ((NODES_PACKAGE, node) if node != 'perception_node' else FAULTY_NETWORK)
        log = self.folder / f'{node}_{time.monotonic_ns()}.log'
        environment = {**self._environment, FAULT_FILE_VARIABLE: str(self._fault_file)}
        process = NodeProcess(module, {**self._parameters[node], **parameters}, log, environment,
                              package=package)
        self._started[node] = process
        self.started_last = node
        self.processes[node] = psutil.Process(process.pid)
        return process

    def stop(self, node: str) -> None:
        """Stop the process of a node as Ctrl-C does; it may have ended already."""
        self._started[node].stop(STOP_TIMEOUT_S)

    def exit_code(self, node: str) -> int | None:
        """Give the exit code of a node; None while it runs."""
        return self._started[node].poll()

    def restart(self, node: str) -> None:
        """Start a node again whose process has ended."""
        if self._started[node].poll() is None:
            raise RuntimeError(f'{node} still runs, so it cannot be started again')
        self.start(node)

    def send_signal(self, node: str, number: int) -> None:
        """Send a signal to the process of a node; SIGKILL and SIGSEGV: wait for its end."""
        os.kill(self._started[node].pid, number)
        if number in (signal.SIGKILL, signal.SIGSEGV):
            try:
                self._started[node].wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                raise RuntimeError(f'{node} did not end by signal {number}') from error

    def set_network_fault(self, name: str | None) -> None:
        """Let the network of perception_node fail in this way; None: not any more."""
        if name is None:
            self._fault_file.unlink(missing_ok=True)
            return
        new = self._fault_file.with_suffix('.new')
        new.write_text(name, encoding='utf-8')
        new.rename(self._fault_file)

    def publish(self, publication: Publication) -> float:
        """Publish from another node; returns when its first message was sent."""
        self._intruder = Intruder(self._context, publication)
        return self._intruder.began_s

    def stop_publishing(self) -> None:
        """End the other node."""
        if self._intruder is not None:
            self._intruder.stop()
            self._intruder = None

    def recorded(self, topic: str) -> Sequence[DiagnosticArray]:
        """Return the last messages of status or scores."""
        return self.listener.recorded(topic)

    def set_command(self, make: Callable[[], Twist | None]) -> None:
        """Command another velocity; None as result: none."""
        self.listener.command = make

    def set_alert(self, make: Callable[[int], DiagnosticArray | None]) -> None:
        """Publish other alerts; the rig must have no alert_node."""
        if self._alert_source is None:
            raise RuntimeError('alert_node publishes the alerts of this rig')
        self._alert_source.make = make

    def now_s(self) -> float:
        """Return the time in which records are stamped."""
        return time.monotonic()

    def inject(self, name: str) -> float:
        """Begin a fault of INJECTIONS; returns when it began, s of time.monotonic."""
        if self._active is not None:
            raise RuntimeError(f'{name} cannot begin: clear the fault before it')
        self._active = INJECTIONS[name]
        return self._active.begin(self)

    def clear(self) -> float:
        """End the fault, and start processes again that it ended; returns the time."""
        if self._active is not None:
            active, self._active = self._active, None
            active.end(self)
        return time.monotonic()

    def wait_for(self, predicate: Callable[[AlertRecord], bool], timeout_s: float,
                 since_s: float | None = None) -> AlertRecord | None:
        """
        Wait for the first alert with predicate(alert); returns it, None if there was none in time.

        since_s: alerts that arrived before are not examined; None: before this call.
        """
        begin_s = time.monotonic()
        return self.listener.wait_for(predicate, begin_s + timeout_s,
                                      begin_s if since_s is None else since_s)

    def log_tails(self) -> str:
        """Give the ends of all logs, for a message."""
        return '\n'.join(f'{node}: {process.log_tail()}'
                         for node, process in self._started.items())

    def _stop_processes(self) -> None:
        for process in self._started.values():
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)
            process.stop(STOP_TIMEOUT_S)


@contextmanager
def _environment_variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables that rclpy reads in this process."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
