# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the truth of one drive says of the intervals of depth, and what all of them do."""
from pathlib import Path
from typing import Any, Iterable, Mapping, TYPE_CHECKING

from bdl_perception.commands.sources import DESCRIPTION
from bdl_perception.commands.sources import read_numbers
from bdl_perception.commands.sources import spread

if TYPE_CHECKING:
    from bdl_perception.perception.perceiver import Perceiver

PICTURES = 6  # of a drive: its pictures are alike, and drives are what counts


def scaling_sums(perceiver: 'Perceiver', drive: str) -> dict[str, list[Any]] | None:
    """Add up errors of depth in units of sigma over a rendered drive; None without truth."""
    from bdl_perception.drives import open_drive
    from bdl_perception.evaluation.measure import Averaging
    from bdl_perception.evaluation.variance_scaling import ScalingTally
    from bdl_perception.evaluation.view import look
    from bdl_perception.perception.perceiver import Perceiver
    folder = Path(drive)
    if not ((folder / DESCRIPTION).is_file() and (folder / 'depth').is_dir()):
        return None
    averaging = Averaging(perceiver.backend)
    own = Perceiver(averaging, perceiver.samples, perceiver.seed, perceiver.fit_mode)
    tally = ScalingTally()
    for labelled in read_numbers(folder, spread(len(open_drive(drive)), PICTURES)):
        tally.add(look(own, labelled)._replace(probability=averaging.probability))
    return {name: values.tolist() for name, values in tally.sums().items()}


def fitted(sums: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Fit the intervals of depth to all drives that have a truth; None: none has."""
    from bdl_perception.evaluation.tally import added
    from bdl_perception.evaluation.variance_scaling import fit_intervals
    import numpy as np
    known = [{name: np.asarray(values, np.float64) for name, values in one.items()}
             for one in sums if one]
    if not known:
        return None
    total = known[0]
    for one in known[1:]:
        total = added(total, one)
    return fit_intervals(total, len(known)).to_dict() if total['z'].any() else None
