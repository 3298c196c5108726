# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Draw aleatoric and epistemic uncertainty side by side for images and drives, and print them.

    python examples/uncertainty_sheet.py sheet.png frame.jpg drive.mp4 --model road --at 3

Of a drive the first frame at or after --at seconds is drawn, else the last one. The printed
standard deviations are of log-depth, the mean over the pixels with depth; the mutual information
is the mean over the frame.
"""
import argparse
from pathlib import Path

from bdl_perception import CameraFrame, open_backend, open_drive, Perceiver
from bdl_perception.perception.panels import CAMERA_PANEL, draw_panels, PANEL_TITLES
import cv2
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
import numpy as np

IMAGES = ('.jpg', '.jpeg', '.png', '.webp')


def read_frame(path: Path, at_s: float) -> CameraFrame:
    """Return an image, or one frame of a drive."""
    if path.suffix.lower() in IMAGES:
        bgr = cv2.imread(str(path))
        if bgr is None:
            raise SystemExit(f'{path} is not an image')
        return CameraFrame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), 0, 'camera')
    start_ns = None
    for frame in open_drive(path):
        start_ns = frame.stamp_ns if start_ns is None else start_ns
        if frame.stamp_ns - start_ns >= at_s * 1e9:
            break
    return frame


def main() -> None:
    """Draw one row for each path."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='image to write')
    parser.add_argument('paths', type=Path, nargs='+', help='images, videos, folders or bags')
    parser.add_argument('--at', type=float, default=3., metavar='S', help='time in a drive')
    parser.add_argument('--model', default='street', help='shipped name or folder')
    arguments = parser.parse_args()
    perceiver = Perceiver(open_backend(arguments.model), samples=16, seed=0)
    count = len(arguments.paths)
    figure = Figure((3.2 * len(PANEL_TITLES), 2.1 * count), dpi=100, layout='constrained')
    FigureCanvasAgg(figure)
    rows = figure.subplots(count, len(PANEL_TITLES), squeeze=False)
    print('| frame | aleatoric std | epistemic std | mutual information, nat |\n|---|---|---|---|')
    for index, (axes, path) in enumerate(zip(rows, arguments.paths, strict=True)):
        frame = read_frame(path, arguments.at)
        prediction = perceiver.perceive(frame)
        while (epistemic := perceiver.sample()) is None:
            pass
        aleatoric = prediction.log_depth_std  # (h, w), smaller than depth, and also of the sky
        valid = cv2.resize(np.isfinite(prediction.depth).astype(np.uint8), aleatoric.shape[::-1],
                           interpolation=cv2.INTER_NEAREST) > 0
        print(f'| {path.stem} | {aleatoric[valid].mean():.3f} '
              f'| {np.nanmean(epistemic.log_depth_std):.3f} '
              f'| {epistemic.mutual_information.mean():.4f} |')
        panels = draw_panels(frame.rgb, prediction, epistemic)
        for axis, (name, title) in zip(axes, PANEL_TITLES.items(), strict=True):
            axis.imshow(panels[name], aspect='auto' if name == CAMERA_PANEL else None)
            axis.set(xticks=[], yticks=[])
            axis.set_title(title if index == 0 else '', fontsize=9)
        axes[0].set_ylabel(path.stem[:24], fontsize=8)
    figure.savefig(arguments.out)


if __name__ == '__main__':
    main()
