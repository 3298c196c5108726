# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a run of the benchmark is told, and what each group of its rows gives back."""
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from bdl_perception.bench.row import Row

MODEL = 'street'  # the shipped one
GROUPS = {  # name -> what its rows are about; the module of the same name measures
    'graphs': 'the two graphs by themselves, beside torch',
    'runtime': 'settings of ONNX Runtime, each against those that are shipped',
    'node': 'a 30 Hz camera, 640x384, in another process',
    'obvious': 'the node beside the obvious way to write it',
    'memory': 'resident memory of perception_node',
    'latency': 'from the first strange frame to the alert',
    'cameras': 'several cameras at 5 Hz each on this machine',
    'breakdown': 'what the time of a frame and of a Monte Carlo cycle goes to',
    'growth': 'time against samples and resolution',
}


@dataclass(frozen=True)
class Setting:
    """One run."""

    out: Path
    model: str = MODEL  # shipped name or folder
    quick: bool = False  # seconds in place of minutes: shows that it runs, proves nothing
    minutes: float = 10.0  # of watching the memory
    threads: int = 2  # of each network

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if not 0.1 <= self.minutes <= 24 * 60:
            raise ValueError(f'minutes is {self.minutes}, must lie in 0.1 to 1440')
        if not 1 <= self.threads <= 256:
            raise ValueError(f'threads is {self.threads}, must lie in 1 to 256')

    def choose(self, quick: Any, full: Any) -> Any:
        """Take the one or the other size of a measurement."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Outcome:
    """The rows of a group, the numbers behind them for the JSON, and its plots in out."""

    rows: list[Row]
    details: dict[str, Any] = field(default_factory=dict)
    plots: list[str] = field(default_factory=list)
