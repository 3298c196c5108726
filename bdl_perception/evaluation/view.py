# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a model says of one picture, beside what is true of it."""
from typing import NamedTuple

from bdl_perception.evaluation.score_drive import finish_cycle
from bdl_perception.perception.image_geometry import ImageFit
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import CameraFrame
from bdl_perception.perception.values import Epistemic
from bdl_perception.perception.values import Floats
from bdl_perception.perception.values import Prediction


class Labelled(NamedTuple):
    """A picture, whose it is, and its truth at the picture's size; None: nobody knows."""

    title: str  # drive or set, frame, condition: one line each
    frame: CameraFrame
    depth: Floats | None = None  # (H, W) m, NaN unknown, +Inf too far
    classes: Bytes | None = None  # (H, W) ids, IGNORE without label


class View(NamedTuple):
    """A model's maps and the truth of one picture; all (h, w) of the network's input."""

    title: str
    rgb: Bytes  # (h, w, 3)
    prediction: Prediction
    epistemic: Epistemic
    depth: Floats | None  # m, true
    classes: Bytes | None  # true
    probability: Floats | None = None  # (K, h', w') of the classes, mean of the samples


def look(perceiver: Perceiver, labelled: Labelled) -> View:
    """Run the single pass and all samples; the truth is fitted as the picture is."""
    rgb = labelled.frame.rgb
    fit = perceiver.fit_for(rgb.shape[1], rgb.shape[0])
    perceiver.forget()  # what a failure may have left
    prediction = perceiver.perceive(labelled.frame)
    return View(labelled.title, fit.apply(rgb), prediction, finish_cycle(perceiver),
                *fitted_truth(fit, labelled))


def fitted_truth(fit: ImageFit, labelled: Labelled) -> tuple[Floats | None, Bytes | None]:
    """Bring true depth and classes to the network's input."""
    depth, classes = labelled.depth, labelled.classes
    return (None if depth is None else fit.apply_to_truth(depth),
            None if classes is None else fit.apply_to_truth(classes))
