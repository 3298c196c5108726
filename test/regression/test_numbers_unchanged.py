# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Every number is the one of reference.json, which the code before the restructuring wrote.

The limits and texts of calibrations are of later rules: one odd drive raises no limit, and the
delay is that of the smallest group.

On a machine that computes as the one of the reference did, equal means ==, to the last digit. The
test asks the machine without the package: hashes of what ONNX Runtime makes of the shipped graphs,
of what OpenCV decodes of the film, and of elementary functions. ONNX Runtime and numpy choose
kernels by CPU, so where the first two hashes differ, what a network said must agree within rtol
1e-4, atol 1e-5 only; where the last one differs, all that is computed from stored numbers within
1e-9. Counts, levels and booleans must be equal anywhere. The first test is skipped, and says what
differs, wherever this holds.

Calibrations, alerts and metrics are computed from stored scores and made arrays, which take only
sums and products of random() to make, so that a machine's network has no part in them.
"""
from functools import cache
import hashlib
import importlib.util
import json
import math
from pathlib import Path
import re
from types import ModuleType
from typing import Any, Callable, Iterator, Mapping, Sequence

import cv2
import numpy as np
import onnxruntime
import pytest
from scipy.special import ndtr
from scipy.stats import chi2

HERE = Path(__file__).parent
SAMPLED = 8  # values of an array that are kept beside its hash
OF_NETWORK, OF_NUMPY = (1e-4, 1e-5), (1e-9, 1e-9)  # rtol, atol on another machine
NUMBER = re.compile(r'-?\d+(?:\.\d+)?(?:e[+-]?\d+)?')
Row = Mapping[str, float]
Event = tuple[Any, ...]


# Stored in reference.json by the code of version 0.1.0, and computed by the tests with today's


def machine(api: ModuleType) -> dict[str, str]:
    """Take the fingerprint of this machine's arithmetic, in which the package has no part."""
    return {'network': _graph_print(api.MODEL_FOLDER), 'film': _film_print(api.FILM),
            'arithmetic': _arithmetic_print()}


def files(api: ModuleType) -> dict[str, str]:
    """Hash what the numbers are of."""
    paths = (*(api.MODEL_FOLDER / name for name in ('perceive.onnx', 'sample.onnx',
                                                    'calibration.json')), api.FILM)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


FRAMES = {'nominal': 50, 'in fog': 210, 'through a dirty lens': 420}  # index in the film
FILM_STEP_S = .5  # about every fifth picture


def frames(api: ModuleType) -> dict[str, Any]:
    """Look at some pictures."""
    perceiver = api.open_street()
    frames = api.film_frames(sorted(FRAMES.values()))
    found = {}
    for (name, index), frame in zip(sorted(FRAMES.items(), key=lambda one: one[1]), frames,
                                    strict=True):
        observed = api.looked_at(perceiver, frame)
        found[name] = {'index': index, 'stamp_ns': frame.stamp_ns, **{
            kind: {key: array_print(value) if isinstance(value, np.ndarray) else value
                   for key, value in values.items()} for kind, values in observed.items()}}
    return plain(found)


def film(api: ModuleType) -> dict[str, Any]:
    """Score the film: stamps, and of each score a list."""
    observed = api.film_scores(api.open_street(), FILM_STEP_S)
    return plain({'stamps_ns': [stamp for stamp, _ in observed],
                  **{name: [values[name] for _, values in observed] for name in observed[0][1]}})


WATCHED = ('energy', 'feature', 'epistemic_depth', 'mutual_information')
PLAIN = {'watched': WATCHED, 'step_s': .25, 'exponent': .5}
FOUR_SCORES = ('local_feature', 'local_feature_corridor', 'mutual_information_corridor',
               'epistemic_depth_corridor')  # the default when the reference was made
WISHES: Mapping[str, Mapping[str, Any]] = {
    'of high scores': PLAIN,
    'of high and low scores': {**PLAIN, 'tails': 'two_sided'},
    'by light': {**PLAIN, 'group_by': 'light'},
    'of scores that remember': {**PLAIN, 'decorrelate': True, 'alpha': .05},
    'as wished by default': {'watched': FOUR_SCORES},
    'of other rates': {**PLAIN, 'alpha': .03, 'false_alarms_per_hour': .25, 'slow_step_s': 1.,
                       'exponent': .3},
    'with an odd drive': PLAIN,
    'of few recordings': PLAIN,
    'of two cameras': {**PLAIN, 'alpha': .05, 'group_by': 'camera'},
    'of a camera with too few drives': {**PLAIN, 'alpha': .05, 'group_by': 'camera'},
    'with intervals of depth': PLAIN,
}


def calibrations(api: ModuleType) -> dict[str, Any]:
    """Calibrate on made drives, once for each wish."""
    return {name: _calibration(api, name) for name in WISHES}


def calibration(api: ModuleType, made: Any) -> dict[str, Any]:
    """Give the numbers of a calibration, p-values of made pictures, and those of its words."""
    rows = [row for _, row in made_drive(api, 'later', 977, 25)['rows']]
    stored = api.through_its_file(made)
    cameras = api.calibration_numbers(made)['of_cameras']
    return plain({
        **_numbers(api, made),
        'judged': [api.tested(made, row) for row in rows],
        'from_file': [api.tested(stored, row) for row in rows[:5]],
        'by_camera': {name: [api.tested(api.of_camera(made, name), row) for row in rows]
                      for name in (*cameras, 'unknown') if cameras}})


def shipped(api: ModuleType, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Give the numbers of the shipped calibration, and how it judges the scores of the film."""
    made = api.shipped_calibration()
    return plain({**_numbers(api, made),
                  'judged': [api.tested(made, row) for row in film_rows(observed)]})


REPLAYED = ('the film', 'the film with a covered lens', 'made drives')


def replays(api: ModuleType, name: str, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Play recordings to the alarm, as an evaluation does."""
    if name == 'made drives':
        records = [_made_record(api, letter, seed, up)
                   for letter, seed, up in (('a', 601, 0.), ('b', 602, 2.), ('c', 603, .7))]
        return plain(api.replayed(_calibration(api, 'of high scores'), records))
    rows = film_rows(observed)
    record = {'name': 'film', 'stamps_ns': observed['stamps_ns'], 'rows': rows,
              'segments': [('sun', 0., 16., False, 0.), ('dense_fog', 16., 26., True, .5),
                           ('sun', 26., 38., False, .5), ('lens_dirt', 38., 46., True, .5),
                           ('sun', 46., 55., False, .5)],
              'faults': {}}
    begin = {**record, 'stamps_ns': observed['stamps_ns'][:30], 'rows': rows[:30],
             'segments': record['segments'][:1], 'faults': {12: ('the picture is blank',)}}
    return plain(api.replayed(api.shipped_calibration(),
                              [record, begin] if name == 'the film' else [begin, begin]))


def alerts(api: ModuleType, name: str, observed: Mapping[str, Any]) -> list[Any]:
    """Tell an alarm what happens; gives what changes of its state, look by look."""
    history = SEQUENCES[name](api, observed)
    states = api.played(history.calibration, history.events, history.policy)
    return plain([_changed(before, state)
                  for before, state in zip([{}, *states], states, strict=False)])


METRICS = ('depth', 'classes', 'averaged', 'intervals', 'reliability', 'tempered',
           'sparsification', 'pavpu', 'recall', 'without intervals', 'fitted', 'half widths',
           'separation', 'bootstrap', 'poisson')


def metrics(api: ModuleType) -> dict[str, Any]:
    """Measure made views and made scores."""
    views = [api.view_of(made_maps(seed)) for seed in range(4)]
    known = api.intervals_of(views, 4)
    observed = api.measured(views, known)
    draw = np.random.default_rng(5)
    nominal = [noise(draw, (9,)).tolist() for _ in range(6)]
    exceeded = [(noise(draw, (7,)) + 1).tolist() for _ in range(5)]
    exceeded[2][3] = math.nan
    drawn = api.drawn(nominal, exceeded, 3, 250)
    alike = [[round(score) for score in row] for row in (sum(nominal, []), sum(exceeded, [])[:10])]
    return plain({
        **{name: observed[name] for name in METRICS[:9]},
        'without intervals': {name: values for name, values in
                              api.measured(views[:1], None).items() if name == 'intervals'},
        'fitted': api.interval_numbers(known),
        'half widths': api.half_widths(known, np.array([2., 5., 9.9, 25., 79., 200.]),
                                       np.array([.1, .2, .05, .3, .01, 1.])),
        'separation': [api.separated(sum(nominal, []), sum(exceeded, [])),
                       api.separated(*alike),
                       api.separated([score + 7 for score in sum(nominal, [])],
                                     [score + 7 for score in exceeded[0]])],
        'bootstrap': {'intervals': drawn.pop('intervals'),
                      **{name: array_print(values) for name, values in drawn.items()}},
        'poisson': [api.rate_of(events, hours)
                    for events, hours in ((0, 1.), (1, .25), (3, 1.2), (250, 1000.))]})


# Arrays, drives and pictures that are made


def noise(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Give nearly normal numbers: the sum of twelve uniform ones, the same on any machine."""
    return draw.random((12, *shape)).sum(0) - 6


def made_drive(api: ModuleType, name: str, seed: int, count: int = 90, up: float = 0.,
               night: bool = False, camera: str | None = None, recording: str = '',
               step_ns: int = 250_000_000) -> dict[str, Any]:
    """Make a drive whose scores remember what they were a moment ago."""
    draw = np.random.default_rng(seed)
    names = [*api.FRAME_SCORES, *api.CYCLE_SCORES]
    fresh = noise(draw, (count, len(names)))
    state, rows = noise(draw, (len(names),)), []
    for index, each in enumerate(fresh):
        state = .6 * state + .8 * each
        light = .2 * draw.random() + (.1 if night else .5)
        rows.append((index * step_ns + int(draw.integers(0, 9_000_000)),
                     {**dict(zip(names, (state + up).tolist(), strict=True)),
                      'brightness': light}))
    return {'name': name, 'camera': camera, 'recording': recording, 'rows': rows}


def made_maps(seed: int) -> dict[str, np.ndarray]:
    """Make what is said and what is true of 24 x 32 pixels; where nothing is true, nonsense."""
    draw, shape = np.random.default_rng(seed), (24, 32)
    aleatoric, epistemic = .05 + .25 * draw.random(shape), .02 + .18 * draw.random(shape)
    truth = 2 + 77 * draw.random(shape) ** 2
    depth = truth * np.maximum(1 + .8 * noise(draw, shape) * (aleatoric + epistemic), .05)
    aleatoric[draw.random(shape) < .02] = 0  # no usable deviation
    depth[draw.random(shape) < .05] = np.inf  # said to be sky, whatever is true
    weight = draw.random((11, 12, 16)) ** 4
    probability = weight / weight.sum(0)  # (K, h', w')
    large = probability.repeat(2, 1).repeat(2, 2)
    label = (large.cumsum(0) < draw.random(shape) * .999).sum(0)
    single = draw.random((11, *shape)) ** 4
    classes = np.where(draw.random(shape) < .6, label, single.argmax(0))
    maps = {'depth': depth, 'epistemic': epistemic, 'log_depth_std': aleatoric,
            'entropy': .01 + 2 * draw.random(shape),
            'mutual_information': .5 * draw.random(shape) ** 3,
            'max_probability': .2 + .8 * draw.random((12, 16)), 'energy': noise(draw, (12, 16))}
    hidden = draw.random(shape) < .2
    truth[hidden] = np.array([np.nan, np.inf, 80.5, 1e30, 0, -1])[
        draw.integers(0, 6, hidden.sum())]
    label[hidden] = 255
    for name in ('depth', 'entropy', 'mutual_information'):
        maps[name][hidden] = np.array([np.nan, np.inf])[draw.integers(0, 2, hidden.sum())]
    maps['aleatoric_std'] = depth * np.where(np.isfinite(depth), aleatoric, np.nan)
    probability[3, 2, 5] = np.nan
    return {**{name: values.astype(np.float32) for name, values in maps.items()},
            'probability': probability.astype(np.float32), 'classes': classes.astype(np.uint8),
            'true_depth': truth.astype(np.float32), 'true_classes': label.astype(np.uint8)}


def film_rows(observed: Mapping[str, Any]) -> list[Row]:
    """Turn the lists of scores of the film into a row for each picture."""
    names = [name for name in observed if name != 'stamps_ns']
    return [{name: observed[name][index] for name in names}
            for index in range(len(observed['stamps_ns']))]


def _numbers(api: ModuleType, made: Any) -> dict[str, Any]:
    return {**api.calibration_numbers(made),
            'scores': {name: array_print(np.array(row), 4)
                       for name, row in api.calibration_scores(made).items()},
            'words': NUMBER.findall(api.calibration_words(made))}


def _calibration(api: ModuleType, name: str) -> Any:
    config = WISHES[name]
    intervals = (api.intervals_of([api.view_of(made_maps(seed)) for seed in range(4)], 4)
                 if name == 'with intervals of depth' else None)
    return api.calibration_of(_made_drives(api, name), config, intervals)


def _made_drives(api: ModuleType, name: str) -> list[dict[str, Any]]:
    letters = 'abcdefghijkl'
    if 'camera' in name:
        rear = letters[:10] if name == 'of two cameras' else letters[:4]
        return [*(made_drive(api, letter, 100 + n, 60, camera='front', recording=letter)
                  for n, letter in enumerate(letters[:11])),
                *(made_drive(api, letter, 200 + n, 70, up=3., camera='rear', recording=letter)
                  for n, letter in enumerate(rear))]
    drives = [made_drive(api, letter, n) for n, letter in enumerate(letters)]
    steps_ns = {'as wished by default': 100_000_000,
                'of other rates': 194_000_000}  # now and then early enough to be left out
    if name in steps_ns:
        return [made_drive(api, letter, n, step_ns=steps_ns[name])
                for n, letter in enumerate(letters)]
    if name == 'by light':
        return [*drives, *(made_drive(api, letter, 50 + n, 70, up=2., night=True)
                           for n, letter in enumerate(letters[:9]))]
    if name == 'with an odd drive':
        return [*drives, made_drive(api, 'odd', 300, up=.6)]
    if name == 'of few recordings':
        return [one | {'recording': 'one road' if n < 3 else ''} for n, one in enumerate(drives)]
    return drives


def _made_record(api: ModuleType, name: str, seed: int, up: float) -> dict[str, Any]:
    drive = made_drive(api, name, seed, 40)
    rows = [{key: value + (up if index >= 20 else 0) for key, value in row.items()}
            for index, (_, row) in enumerate(drive['rows'])]
    rows[7] = {**rows[7], 'entropy': math.nan}
    rows[9] = {**rows[9], 'epistemic_depth': math.nan}  # no pixel has a depth
    pause_ns = [0 if index < 30 else 60_000_000_000 for index in range(40)]
    stamps = [stamp + pause for (stamp, _), pause in zip(drive['rows'], pause_ns, strict=True)]
    return {'name': name, 'stamps_ns': stamps, 'rows': rows, 'faults': {},
            'segments': [('sun', 0., 5., False, 0.), ('fog', 5., 100., True, 1.)]}


# What happens to an alarm


class History:
    """Writes down events, a tenth of a second apart, for an alarm with a calibration."""

    def __init__(self, api: ModuleType, made: Any, **policy: float) -> None:
        self.calibration, self.policy = made, policy
        self.events: list[Event] = []
        self.now_s, self.stamp_ns, self.cycle = 100., 5_000_000_000, 0
        self.step_s = .1
        self._of_cycle = set(api.CYCLE_SCORES)

    def heartbeat(self, state: str = 'active', faults: tuple[str, ...] = (),
                  identity: str = 'right') -> 'History':
        self.events.append(('status', self.now_s, state, faults, identity))
        return self

    def frame(self, row: Row, late_ns: int | None = None, cycle: bool = True) -> 'History':
        """Let the scores of a picture come, and those of its Monte Carlo cycle."""
        self.cycle += 1
        for number in (0, self.cycle) if cycle else (0,):
            own = {name: value for name, value in row.items()
                   if (name in self._of_cycle) == (number > 0)}
            self.events.append(('scores', self.now_s, self.stamp_ns, own, number,
                                None if late_ns is None else self.stamp_ns + late_ns))
        return self

    def observe(self) -> 'History':
        self.events.append(('look', self.now_s))
        return self

    def wait(self, steps: int = 1) -> 'History':
        self.now_s = round(self.now_s + steps * self.step_s, 6)
        self.stamp_ns += steps * round(self.step_s * 1e9)
        return self

    def drive(self, rows: Sequence[Row], observe_every: int = 1, **reported: Any) -> 'History':
        """Go on through pictures as in a replay."""
        for index, row in enumerate(rows):
            self.heartbeat(**reported).frame(row)
            if (index + 1) % observe_every == 0:
                self.observe()
            self.wait()
        return self


class Film(History):
    """Has pictures of the film and the shipped calibration, its steps and its slow alarm."""

    def __init__(self, api: ModuleType, observed: Mapping[str, Any], **policy: float) -> None:
        super().__init__(api, api.shipped_calibration(), **policy)
        rows = dict(zip(observed['stamps_ns'], film_rows(observed), strict=True))
        self.calm, self.fog, self.dirt = (
            [row for stamp, row in rows.items() if low <= stamp / 1e9 < high]
            for low, high in ((0, 15.5), (17, 26), (39, 46)))


class Made(History):
    """Has made pictures, and a made calibration that watches depth too, in steps of .25 s."""

    def __init__(self, api: ModuleType, name: str = 'of high scores', camera: str = '',
                 **policy: float) -> None:
        made = _calibration(api, name)
        super().__init__(api, api.of_camera(made, camera) if camera else made, **policy)
        self.step_s = .25
        self.calm = [row for _, row in made_drive(api, 'calm', 811, 60)['rows']]

    def moved(self, up: float, **changes: float) -> list[Row]:
        return [{**{name: value + up for name, value in row.items()}, **changes}
                for row in self.calm]


def _into_fog_and_out(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    return made.drive(made.calm[:15]).drive(made.fog).drive(made.calm * 3, observe_every=3)


def _into_dirt(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.drive(made.calm[:10], observe_every=5).drive(made.dirt)
    return made.drive(made.calm, observe_every=3)


def _missing_frames(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    for index, row in enumerate(made.calm * 2):
        made.heartbeat()
        if index % 7 not in (3, 4) and not 30 <= index < 42:
            made.frame(row)
        made.observe().wait()
    return made


def _not_a_number(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    rows = [dict(row) for row in made.calm]
    rows[6]['local_feature'] = rows[7]['entropy'] = math.nan
    rows[15]['mutual_information_corridor'] = math.inf
    return made.drive(rows).drive(made.calm, observe_every=3)


def _no_pixel(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Made(api)
    rows = [dict(row) for row in made.calm[:40]]
    for row in rows[10:14]:
        row['epistemic_depth'] = math.nan
    rows[25]['epistemic_depth_corridor'] = math.nan
    return made.drive(rows)


def _clock_jumps_back(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.drive(made.calm[:12], observe_every=3).drive(made.fog[:8])
    made.now_s -= 30.5
    return made.drive(made.calm).drive(made.fog[:5])


def _recording_loops(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.drive(made.calm[:12], observe_every=3)
    made.stamp_ns -= 1_200_000_000
    made.drive(made.calm)
    made.stamp_ns -= 100_000_000  # the same stamp twice
    return made.drive(made.calm[:5])


def _silent_camera(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.drive(made.calm[:12], observe_every=4)
    for _ in range(30):
        made.heartbeat().observe().wait()
    return made.drive(made.calm[:15])


def _silent_node(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.observe().wait().drive(made.calm[:5])
    for _ in range(12):
        made.observe().wait()
    return made.drive(made.calm[:8])


def _self_report(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.heartbeat('unconfigured', identity='none').observe().wait()
    made.heartbeat('inactive').observe().wait()
    made.drive(made.calm[:4]).drive(made.calm[4:6], faults=('blank', 'frozen'))
    made.drive(made.calm, observe_every=2).drive(made.calm[:3], identity='other')
    return made.drive(made.calm[:3], identity='none').drive(made.calm[:3])


def _late_frames(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    for index, row in enumerate(made.calm):
        late_ns = (20_000_000, 1_500_000_000, -1_200_000_000, 1_000_000_000)[index // 8]
        made.heartbeat().frame(row, late_ns).observe().wait()
    return made


def _cycles_stop(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    for index, row in enumerate(made.calm + made.calm):
        made.heartbeat().frame(row, cycle=not 10 <= index < 40).observe().wait()
    return made


def _no_calibration(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.calibration = None
    return made.drive(made.calm[:5]).drive(made.fog[:3])


def _slow_drift(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Made(api)
    made.drive(made.calm, observe_every=10)
    for up in (1.2, 1.4, 1.4, 1.6, 1.6):
        # Half as wide about a higher mean: hardly one picture is strange, but none is ordinary.
        rows = [{name: .3 * value + up for name, value in row.items()} for row in made.calm]
        made.drive(rows, observe_every=5)
    return made.drive(made.calm * 4, observe_every=10)


def _too_low(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Made(api, 'of high and low scores')
    return made.drive(made.calm[:20], observe_every=5).drive(made.moved(-4)[:15]).drive(made.calm)


def _day_and_night(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Made(api, 'by light')
    made.drive(made.moved(0, brightness=.6)[:15]).drive(made.moved(2, brightness=.2)[:15])
    unlit = [{name: value for name, value in row.items() if name != 'brightness'}
             for row in made.calm[:5]]
    return made.drive(made.moved(3, brightness=.6)[:15]).drive(unlit)


def _rear_camera(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Made(api, 'of two cameras', 'rear')
    return made.drive(made.moved(3)[:15], observe_every=3).drive(made.moved(7)[:12]).drive(
        made.moved(3), observe_every=2)


def _camera_with_too_few(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Made(api, 'of a camera with too few drives', 'rear')
    return made.drive(made.moved(1)[:10]).drive(made.moved(7)[:12])


def _fast_frames(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed)
    made.step_s = .04  # steps of the alarm are of .1 s
    made.drive(made.calm[:10], observe_every=5).drive(made.fog)
    return made.drive(made.calm, observe_every=5)


def _other_policy(api: ModuleType, observed: Mapping[str, Any]) -> History:
    made = Film(api, observed, hold_s=.5, clear_s=.2, clear_fraction=.9, stale_after_s=.15)
    made.drive(made.calm[:10], observe_every=5).drive(made.fog).drive(made.calm)
    return made.heartbeat().wait(2).observe()


SEQUENCES: Mapping[str, Callable[[ModuleType, Mapping[str, Any]], Any]] = {
    'into fog and out': _into_fog_and_out,
    'into dirt': _into_dirt,
    'frames are missing': _missing_frames,
    'a score is not a number': _not_a_number,
    'no pixel has a depth': _no_pixel,
    'the clock jumps back': _clock_jumps_back,
    'the recording loops': _recording_loops,
    'the camera is silent': _silent_camera,
    'the node is silent': _silent_node,
    'what the node says of itself': _self_report,
    'pictures come late': _late_frames,
    'cycles stop': _cycles_stop,
    'there is no calibration': _no_calibration,
    'a slow drift': _slow_drift,
    'scores are too low': _too_low,
    'day and night': _day_and_night,
    'a rear camera': _rear_camera,
    'a camera with too few drives': _camera_with_too_few,
    'pictures come faster than steps': _fast_frames,
    'another policy': _other_policy,
}


def _changed(before: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is as it was: histories are long, and thresholds hardly ever change."""
    return {name: value for name, value in state.items()
            if name not in before or before[name] != value}


# Fingerprints and comparing


def array_print(values: np.ndarray, sampled: int = SAMPLED) -> dict[str, Any]:
    """Describe an array: its bytes by a hash, and some of its values."""
    shape, values = values.shape, np.ascontiguousarray(values)
    where = np.linspace(0, values.size - 1, sampled).astype(int)
    return {'shape': shape, 'dtype': str(values.dtype),
            'sha256': hashlib.sha256(values.tobytes()).hexdigest(),
            'sampled': [value.item() for value in values.ravel()[where]]}


def plain(values: Any) -> Any:
    """Turn values into what JSON gives back; its floats come back to the last bit."""
    def simple(value: Any) -> Any:
        return value.tolist()  # of arrays and of numpy's numbers
    return json.loads(json.dumps(values, default=simple))


def differences(found: Any, wanted: Any, tolerance: tuple[float, float] | None,
                where: str = '') -> Iterator[str]:
    """Name what differs; without a tolerance floats must be ==, with one hashes do not count."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in sorted({*wanted, *found}):
            if name not in wanted or name not in found:
                yield f'{where}/{name} is {"new" if name in found else "missing"}'
            elif not (tolerance and name == 'sha256'):
                yield from differences(found[name], wanted[name], tolerance, f'{where}/{name}')
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, pair in enumerate(zip(found, wanted, strict=True)):
            yield from differences(*pair, tolerance, f'{where}[{index}]')
    elif not _equal(found, wanted, tolerance):
        yield f'{where} is {found!r}, was {wanted!r}'


def _equal(found: Any, wanted: Any, tolerance: tuple[float, float] | None) -> bool:
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        return type(found) is type(wanted) and found == wanted
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return False
    if math.isnan(wanted) or math.isnan(found):
        return math.isnan(wanted) and math.isnan(found)
    if tolerance is None or isinstance(wanted, int) or math.isinf(wanted):
        return found == wanted
    return math.isclose(found, wanted, rel_tol=tolerance[0], abs_tol=tolerance[1])


def _graph_print(folder: Path) -> str:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    known: dict[str, np.ndarray] = {}
    rgb = np.frombuffer(np.random.default_rng(0).bytes(192 * 320 * 3), np.uint8)
    known['rgb'] = rgb.reshape(1, 192, 320, 3)
    for graph in ('perceive', 'sample'):
        session = onnxruntime.InferenceSession(folder / f'{graph}.onnx', options,
                                               ['CPUExecutionProvider'])
        inputs = {one.name: known[one.name] if one.name in known
                  else np.ones(one.shape, np.float32) for one in session.get_inputs()}
        names = sorted(one.name for one in session.get_outputs())
        known.update(zip(names, session.run(names, inputs), strict=True))
    return _hash(*(known[name] for name in sorted(known)))


def _film_print(path: Path) -> str:
    capture, frames = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    for index in range(30):
        bgr = capture.read()[1]
        if index % 10 == 0:
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            frames += [rgb, *(cv2.resize(rgb, (320, 192), interpolation=kind)
                              for kind in (cv2.INTER_AREA, cv2.INTER_LINEAR))]
    capture.release()
    return _hash(*frames)


def _arithmetic_print() -> str:
    draw = np.random.default_rng(1)
    some = draw.random(1000)
    narrow = some.astype(np.float32)
    listed = some.tolist()
    return _hash(
        np.exp(some), np.log(some), np.hypot(some, 1 - some), np.sqrt(some), ndtr(some),
        some ** .3, np.log(narrow), np.exp(narrow), np.quantile(some, .95),
        np.percentile(some, 37.), some.sum(), narrow.mean(dtype=np.float64),
        some.reshape(40, 25).sum(0),
        *(np.dot(some[:count], some[-count:]) for count in (5, 45, 89, 1000)),
        np.array([[math.exp(value), math.log(value), value ** .3] for value in listed]),
        chi2.ppf(some, 7), np.geomspace(1e-7, 1e3, 2001), np.log1p(some),
        cv2.resize(narrow.reshape(20, 50), (100, 40), interpolation=cv2.INTER_LINEAR),
        draw.multinomial(9, np.full(9, 1 / 9), 20), draw.integers(0, 9, 20))


def _hash(*arrays: Any) -> str:
    found = hashlib.sha256()
    for values in arrays:
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


# The tests


@cache
def reference() -> dict[str, Any]:
    return json.loads((HERE / 'reference.json').read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def api() -> ModuleType:
    spec = importlib.util.spec_from_file_location('current_api', HERE / 'current_api.py')
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def otherwise(api: ModuleType) -> list[str]:
    """Name what this machine computes otherwise than that of the reference."""
    known = reference()['machine']
    return [name for name, value in machine(api).items() if value != known[name]]


def assert_as_before(found: Any, wanted: Any, tolerance: tuple[float, float] | None) -> None:
    wrong = list(differences(found, wanted, tolerance))
    assert not wrong, '\n'.join([f'{len(wrong)} numbers changed:', *wrong[:20]])


def assert_network_as_before(found: Any, wanted: Any, otherwise: list[str]) -> None:
    assert_as_before(found, wanted, OF_NETWORK if otherwise else None)


def assert_numpy_as_before(found: Any, wanted: Any, otherwise: list[str]) -> None:
    assert_as_before(found, wanted, OF_NUMPY if 'arithmetic' in otherwise else None)


def test_this_machine_computes_as_that_of_the_reference_so_equal_is_to_the_last_digit(
        otherwise: list[str]) -> None:
    if otherwise:
        pytest.skip(f'{otherwise} of this machine differs, so what comes of it is held to a '
                    f'tolerance only')


def test_the_model_its_calibration_and_the_film_are_those_of_the_reference(
        api: ModuleType) -> None:
    assert files(api) == reference()['files']


@pytest.fixture(scope='module')
def observed_frames(api: ModuleType) -> dict[str, Any]:
    return frames(api)


@pytest.mark.parametrize('name', FRAMES)
def test_a_frame_looks_as_before_to_the_last_digit_or_within_1e_4_on_other_kernels(
        name: str, observed_frames: dict[str, Any], otherwise: list[str]) -> None:
    assert_network_as_before(observed_frames[name], reference()['frames'][name], otherwise)


@pytest.mark.slow
def test_the_film_scores_as_before_to_the_last_digit_or_within_1e_4_on_other_kernels(
        api: ModuleType, otherwise: list[str]) -> None:
    assert_network_as_before(film(api), reference()['film'], otherwise)


@pytest.mark.parametrize('name', WISHES)
def test_a_calibration_has_the_numbers_that_it_had(name: str, api: ModuleType,
                                                   otherwise: list[str]) -> None:
    made = _calibration(api, name)
    assert_numpy_as_before(calibration(api, made), reference()['calibrations'][name], otherwise)


def test_the_shipped_calibration_judges_the_film_as_it_did(api: ModuleType,
                                                           otherwise: list[str]) -> None:
    assert_numpy_as_before(shipped(api, reference()['film']), reference()['shipped'], otherwise)


@pytest.mark.parametrize('name', REPLAYED)
def test_a_replay_steps_as_it_did(name: str, api: ModuleType, otherwise: list[str]) -> None:
    assert_numpy_as_before(replays(api, name, reference()['film']),
                           reference()['replays'][name], otherwise)


@pytest.mark.parametrize('name', SEQUENCES)
def test_an_alert_goes_as_it_went(name: str, api: ModuleType, otherwise: list[str]) -> None:
    assert_numpy_as_before(alerts(api, name, reference()['film']), reference()['alerts'][name],
                           otherwise)


@pytest.fixture(scope='module')
def measured(api: ModuleType) -> dict[str, Any]:
    return metrics(api)


@pytest.mark.parametrize('name', METRICS)
def test_a_metric_gives_the_stored_numbers(name: str, measured: dict[str, Any],
                                           otherwise: list[str]) -> None:
    assert_numpy_as_before(measured[name], reference()['metrics'][name], otherwise)


def test_the_reference_holds_what_is_asked_for_and_every_level_and_both_alarms() -> None:
    known = reference()
    assert [set(known[name]) for name in (
        'frames', 'calibrations', 'replays', 'alerts', 'metrics')] == [
            set(FRAMES), set(WISHES), set(REPLAYED), set(SEQUENCES), set(METRICS)]
    levels = {change['level'] for history in known['alerts'].values() for change in history
              if 'level' in change}
    assert levels == {0, 1, 2, 3}
    for name, evidence, limit in (('into fog and out', 'cusum', 'cusum_limit'),
                                  ('a slow drift', 'slow', 'slow_limit')):
        history = known['alerts'][name]
        assert any(change.get(evidence, -1) > history[0][limit] for change in history), name
    assert len(known['film']['stamps_ns']) > 100
