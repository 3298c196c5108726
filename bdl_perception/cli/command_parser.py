# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The parser of a command: examples in its help, and suggestions for misspelt words."""
import argparse
from difflib import get_close_matches
from typing import Iterable, Mapping, NoReturn, Sequence

UNKNOWN_OPTIONS = 'unrecognized arguments: '  # the message of argparse
EXAMPLES: Mapping[str, Sequence[str]] = {
    'render': ['bdl render train --out data --drives 360 --frames 16 --rate-hz 2 --processes 2',
               'bdl render test_night --out data --drives 16'],
    'train': ['bdl train --data data --out runs/first --minutes 30',
              'bdl train --data data --data camvid=CAMVID --repeat camvid=5 --out runs/mixed'],
    'export': ['bdl export runs/first/best.pt models/first --data data',
               'bdl export models/first/weights.pt models/large --data large --size 640x384'],
    'experiment': ['bdl experiment safety --quick --out experiment'],
    'calibrate': ['bdl calibrate --model street --out my_camera.json DRIVE DRIVE',
                  'bdl calibrate --model street --out my_camera.json my_bags --processes 2'],
    'evaluate': ['bdl evaluate data --model street --camvid CAMVID --out evaluation',
                 'bdl evaluate --data kitti_depth=KITTI --data camvid=IDD --out real',
                 'bdl evaluate --anomaly ROAD_ANOMALY --out anomalies',
                 'bdl evaluate my_bags --nominal my_bags --out evaluation'],
    'sheet': ['bdl sheet drive.mp4 camvid:CAMVID:val --model street --out sheet.png'],
    'compile': ['bdl compile --model street --precision fp16',
                'bdl compile --lean --out engines'],
    'parity': ['bdl parity --model street --reference torch', 'bdl parity --json'],
    'quantise': ['bdl quantise models/street_int8 --model street --data data/validation'],
    'bench': ['bdl bench --only graphs node --out bench'],
    'faults': ["bdl faults --only Images 'jpeg_*' --repeats 3 --out faults"],
    'demo': ['bdl demo --out demo', 'bdl demo --input drive.mp4 --out demo'],
    'doctor': ['bdl doctor', 'bdl doctor --model my_model --json'],
    'replay': ['bdl replay drive.mp4 --out replay', 'bdl replay run.mcap:/front/image_raw'],
    'live': ['bdl live drive.mp4', 'bdl live 0'],
    'soak': ['bdl soak --minutes 60 --out soak'],
}


class CommandParser(argparse.ArgumentParser):
    """A parser that names the option that was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Print the message with suggestions and exit with code 2."""
        words = message.partition(UNKNOWN_OPTIONS)[2].split()
        hints = [suggestion(word.partition('=')[0], self._option_string_actions)
                 for word in words if word.startswith('--')]
        super().error(message + ''.join(hints))


def command_parser(name: str, purpose: str) -> CommandParser:
    """Make the parser of a command, without its arguments."""
    examples = ''.join(f'\n  {line}' for line in EXAMPLES.get(name, ()))
    return CommandParser(
        f'bdl {name}', description=purpose, epilog=f'examples:{examples}' if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return '; did you mean WORD?' of the nearest known word; empty: none is near."""
    nearest = get_close_matches(word, list(known), 1)
    return f'; did you mean {nearest[0]}?' if nearest else ''
