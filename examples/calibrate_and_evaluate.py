# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Calibrate the alarm on nominal drives, then evaluate it on two others.

    python examples/calibrate_and_evaluate.py CALIBRATION_FOLDER NOMINAL_DRIVE OTHER_DRIVE

A drive is a folder of images, a video or a bag. CALIBRATION_FOLDER holds nominal drives;
NOMINAL_DRIVE is another nominal drive, with which OTHER_DRIVE is compared.
"""
from pathlib import Path
import sys

from bdl_perception import (
    calibrate,
    CalibrationConfig,
    evaluate,
    EvaluationConfig,
    save_calibration,
)

if len(sys.argv) != 4:
    sys.exit('usage: python examples/calibrate_and_evaluate.py CALIBRATION_FOLDER NOMINAL_DRIVE '
             'OTHER_DRIVE')
calibration_folder, nominal, others = map(Path, sys.argv[1:])
config = CalibrationConfig(alpha=.05, exponent=.1)  # for minutes of driving
calibration = calibrate('street', sorted(calibration_folder.iterdir()), config=config)
print(f'{len(calibration.provenance.drives)} drives, thresholds {calibration.thresholds}')
path = Path('my_camera.json')
save_calibration(path, calibration)
result = evaluate('street', [nominal, others],
                  config=EvaluationConfig(nominal=nominal.name, calibration=path))
for name, group in result.to_dict()['ood']['groups'].items():
    print(name, {score: round(values['auroc'], 3) for score, values in group.items()})
