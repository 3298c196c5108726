# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a recorded drive to alerts, without ROS: python examples/video_alerts.py drive.mp4."""
import sys

from bdl_perception import (
    AlertMachine,
    AlertPolicy,
    build_identity,
    cycle_scores,
    frame_scores,
    load_calibration,
    open_backend,
    open_drive,
    Perceiver,
    PerceptionStatus,
)

if len(sys.argv) != 2:
    sys.exit('usage: python examples/video_alerts.py drive.mp4')
perceiver = Perceiver(open_backend('street'), samples=16, seed=0)
identity = build_identity(perceiver.backend.spec, perceiver.samples, perceiver.seed,
                          perceiver.backend.precision)
machine = AlertMachine(AlertPolicy(), load_calibration('street'))
level = None
for cycle, frame in enumerate(open_drive(sys.argv[1]), start=1):
    now_s = frame.stamp_ns / 1e9  # the machine has no clock: here time is that of the recording
    machine.update_status(now_s, PerceptionStatus('active', identity=identity))
    machine.update_scores(now_s, frame_scores(perceiver.perceive(frame)))
    epistemic = None
    while epistemic is None:
        epistemic = perceiver.sample()
    machine.update_scores(now_s, cycle_scores(epistemic, cycle))
    state = machine.state(now_s)
    if state.level != level:
        level = state.level
        print(f'{now_s:6.2f} s  {level.name:5}  {"; ".join(state.reasons)}')
