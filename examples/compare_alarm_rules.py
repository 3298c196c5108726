# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Compare alarm rules and watched scores on recorded nominal and OOD drives, in two folds by source.

    python examples/compare_alarm_rules.py SCORES --nominal DRIVES... --ood DRIVES... \
        --sources manifest.csv [--model MODEL] [--ood-from S] \
        [--calibrate real.json --watch A,B --exponent E]

SCORES is a folder for the scores of each drive: the first 9 s of nominal and 6 s of OOD drives, at
10 Hz, from S on for OOD drives that begin nominal. Finished drives are not scored again.
--sources: a CSV file with the columns `file` and `repo`; drives of one repo are in one fold.
Watched scores are chosen on one fold, the rules are calibrated there, and both are tested on the
other fold; then the folds change places. --calibrate writes a calibration of all nominal drives,
in which the drives of a repo count as one.
"""
import argparse
import csv
from functools import cache
from itertools import combinations
import json
import math
from pathlib import Path
from typing import Any, Callable, Iterable, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.observations import Thinning
from bdl_perception.alarm.peak_limit import MIN_RANK, peak_quantile, share_upper_bound
from bdl_perception.model_store import CALIBRATION_FILE, find_model, load_calibration
from bdl_perception.perception.scores import IMAGE_VALUES, is_epistemic
import numpy as np

SECONDS = {'nominal': 9., 'ood': 6.}
STEP_S, IN_TIME_S = .1, 2.
ALPHA = .01
DESIGN = math.log(3600 / STEP_S / .5)  # limit of the fast alarm at one false alarm an hour
Floats = Any  # an array of float64
Statistic = Callable[[Floats], Floats]  # of the p-values of a drive


class Drive(NamedTuple):
    """The scores of one drive."""

    name: str
    source: str
    times_s: Floats
    scores: dict[str, Floats]
    image: dict[str, Floats]  # statistics, which are no scores


class Side(NamedTuple):
    """Drives of a fold."""

    nominal: Sequence[Drive]
    ood: Sequence[Drive]


class Rule(NamedTuple):
    """A statistic over time of p-values, and how its limit follows from the peaks of drives."""

    statistic: Statistic
    limit: Callable[[Sequence[float]], float]


class Outcome(NamedTuple):
    """Drives of a test, and those with an ERROR."""

    nominal: int
    false: int
    ood: int
    detected: int
    in_time: int


def gains(p: Floats, exponent: float) -> list[float]:
    """Return g(p) of each p-value (alarm.cusum)."""
    found: list[float] = (math.log(exponent) + (exponent - 1) * np.log(p)).tolist()
    return found


def cusum(exponent: float) -> Statistic:
    """Return S = max(0, S) + g(p) (alarm.cusum)."""
    def sums(p: Floats) -> Floats:
        value, values = 0., []
        for gain in gains(p, exponent):
            value = max(0., value) + gain
            values.append(value)
        return np.array(values)
    return sums


def shiryaev_roberts(exponent: float) -> Statistic:
    """Return log R, R = (1 + R) exp(g(p)) (Shiryaev 1963, Roberts 1966)."""
    def sums(p: Floats) -> Floats:
        value, values = -math.inf, []
        for gain in gains(p, exponent):
            value = max(0., value) + math.log1p(math.exp(-abs(value))) + gain
            values.append(value)
        return np.array(values)
    return sums


def exceedances_of(window: int) -> Statistic:
    """Return m: the number of the last n observations with p <= alpha."""
    def count(p: Floats) -> Floats:
        total = np.concatenate([[0], np.cumsum(p <= ALPHA)])
        ends = np.arange(1, len(p) + 1)
        return (total[ends] - total[np.maximum(0, ends - window)]).astype(float)
    return count


def second_peak(peaks: Sequence[float]) -> float:
    """Return the limit of peak_limit.py."""
    return peak_quantile(peaks, min(MIN_RANK, len(peaks)))


def above_design(peaks: Sequence[float]) -> float:
    """Return the limit of the fast alarm (alarm.calibrate)."""
    return max(DESIGN, second_peak(peaks))


def m_of_n(window: int) -> Rule:
    """Return the rule that more than m of n observations exceed, m at least half of n."""
    return Rule(exceedances_of(window), lambda peaks: min(
        window - 1., max(window // 2, second_peak(peaks))))


RULES = {
    'CUSUM, exponent .01, maximum': Rule(cusum(.01), lambda peaks: max(DESIGN, *peaks)),
    'CUSUM, exponent .01': Rule(cusum(.01), above_design),
    'CUSUM, exponent .02': Rule(cusum(.02), above_design),
    'CUSUM, exponent .05': Rule(cusum(.05), above_design),
    'Shiryaev-Roberts, exponent .01': Rule(shiryaev_roberts(.01), above_design),
    'Shiryaev-Roberts, exponent .02': Rule(shiryaev_roberts(.02), above_design),
    **{f'more than m of {n}, m at least {n // 2}': m_of_n(n) for n in (5, 10, 20)}}
CHOSEN_WITH = 'CUSUM, exponent .02'
HEAD = 'false ERROR (95 % bound) | detected | within 2 s |'


class Comparison:
    """The scores of all drives, compared drive by drive, so that every fold is a sum."""

    def __init__(self, drives: Iterable[Drive]) -> None:
        """Keep the drives by name."""
        self._drives = {one.name: one for one in drives}
        self.above = cache(self._above)

    def _above(self, score: str, drive: str, other: str) -> Floats:
        """Count for each frame of a drive the frames of another one that score as high."""
        values = np.sort(self._drives[other].scores[score])
        return len(values) - np.searchsorted(values, self._drives[drive].scores[score])

    def p_values(self, drive: Drive, calibration: Sequence[Drive],
                 watched: Sequence[str]) -> Floats:
        """Return the conformal p-value of each frame, min(1, K min p) of K scores."""
        count = sum(len(one.times_s) for one in calibration)
        found = [(sum(self.above(name, drive.name, one.name) for one in calibration) + 1)
                 / (count + 1) for name in watched]
        return np.minimum(1, len(watched) * np.min(found, axis=0))

    def auroc(self, nominal: Sequence[Drive], ood: Sequence[Drive], score: str) -> Floats:
        """Return (pairs of frames in order, pairs) of each nominal and OOD drive."""
        return np.array([[(self.above(score, one.name, other.name).sum(),
                           len(one.times_s) * len(other.times_s)) for other in ood]
                         for one in nominal], float)


def limit_of(known: Comparison, rule: Rule, drives: Sequence[Drive],
             watched: Sequence[str]) -> float:
    """Return the limit of a rule by leaving out each source in turn."""
    peaks: dict[str, float] = {}
    for drive in drives:
        others = [one for one in drives if one.source != drive.source]
        peak = float(rule.statistic(known.p_values(drive, others, watched)).max())
        peaks[drive.source] = max(peak, peaks.get(drive.source, peak))
    return rule.limit(list(peaks.values()))


def delay_s(known: Comparison, rule: Rule, calibration: Sequence[Drive], limit: float,
            drive: Drive, watched: Sequence[str]) -> float:
    """Return the time from the first frame of a drive to ERROR, +Inf without one."""
    beyond = rule.statistic(known.p_values(drive, calibration, watched)) > limit
    return float(drive.times_s[beyond.argmax()]) if beyond.any() else math.inf


def outcome(known: Comparison, rule: Rule, calibration: Sequence[Drive], test: Side,
            watched: Sequence[str]) -> Outcome:
    """Calibrate a rule on drives, and test it on others."""
    limit = limit_of(known, rule, calibration, watched)
    false, delays = ([delay_s(known, rule, calibration, limit, one, watched) for one in part]
                     for part in test)
    return Outcome(len(false), int(np.isfinite(false).sum()), len(delays),
                   int(np.isfinite(delays).sum()), sum(delay <= IN_TIME_S for delay in delays))


def total(outcomes: Iterable[Outcome]) -> Outcome:
    """Add up the tests of several folds."""
    return Outcome(*map(sum, zip(*outcomes, strict=True)))


def frame_auroc(known: Comparison, side: Side, score: str) -> float:
    """Return the AUROC of frames."""
    ordered, pairs = known.auroc(*side, score).sum((0, 1))
    return float(ordered / pairs)


def auroc_interval(known: Comparison, side: Side, score: str,
                   replicates: int = 1000) -> tuple[float, float]:
    """Return the 95 % interval of the AUROC, by drawing whole drives with replacement."""
    draw, table = np.random.default_rng(0), known.auroc(*side, score)
    nominal, ood = (draw.integers(len(part), size=(replicates, len(part))) for part in side)
    drawn = table[nominal[:, :, None], ood[:, None, :]].sum((1, 2))
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (.025, .975))
    return float(low), float(high)


def candidates(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return all scores and pairs that the alarm accepts: one must be epistemic."""
    sets = [*((name,) for name in names), *combinations(names, 2)]
    return [found for found in sets if any(map(is_epistemic, found))]


def choose(known: Comparison, side: Side) -> tuple[str, ...]:
    """Choose watched scores on one fold: most detected less false, then the highest AUROC."""
    rule = RULES[CHOSEN_WITH]

    def merit(watched: tuple[str, ...]) -> tuple[float, float]:
        found = total(outcome(
            known, rule, [one for one in side.nominal if one.source != source],
            Side([one for one in side.nominal if one.source == source], side.ood), watched)
            for source in sorted({one.source for one in side.nominal}))
        return (found.in_time / found.ood - found.false / found.nominal,
                float(np.mean([frame_auroc(known, side, name) for name in watched])))

    return max(candidates(list(side.nominal[0].scores)), key=merit)


def folds(side: Side) -> tuple[Side, Side]:
    """Divide drives by source, every other source in the order of the alphabet."""
    order = {name: index for index, name in enumerate(sorted(
        {one.source for part in side for one in part}))}
    first, second = (Side(*([one for one in part if order[one.source] % 2 == half]
                            for part in side)) for half in (0, 1))
    return first, second


def tables(everything: Side, more: tuple[str, ...]) -> Iterable[str]:
    """Yield the tables in Markdown; more: a set in addition to the candidates."""
    known = Comparison([*everything.nominal, *everything.ood])
    names = list(everything.nominal[0].scores)
    yield '| score | AUROC | 95 % by drives |\n| --- | --- | --- |'
    for name in names:
        low, high = auroc_interval(known, everything, name)
        value = frame_auroc(known, everything, name)
        yield f'| `{name}` | {value:.2f} | {low:.2f} to {high:.2f} |'
    sides = folds(everything)
    for number, side in enumerate(sides, start=1):
        yield (f'\nfold {number}: nominal {", ".join(one.name for one in side.nominal)}; OOD '
               f'{", ".join(one.name for one in side.ood)}')
    chosen = [choose(known, side) for side in sides]

    def tested(rule: Rule, watched: Sequence[Sequence[str]]) -> Outcome:
        return total(outcome(known, rule, side.nominal, other, own) for side, other, own
                     in zip(sides, reversed(sides), watched, strict=True))

    yield f'\nchosen on fold 1: {", ".join(chosen[0])}; on fold 2: {", ".join(chosen[1])}'
    sets = candidates(names)
    yield (f'\n| rule; the chosen scores | {HEAD[:-2]} | false, mean of {len(sets)} sets | '
           f'detected | within 2 s |\n| --- | --- | --- | --- | --- | --- | --- |')
    for title, rule in RULES.items():
        mean = total(tested(rule, [watched] * 2) for watched in sets)
        yield (f'{_row(title, tested(rule, chosen))} {mean.false / mean.nominal:.1%} | '
               f'{mean.detected / mean.ood:.0%} | {mean.in_time / mean.ood:.0%} |')
    yield f'\n| watched in both folds; {CHOSEN_WITH} | {HEAD}\n| --- | --- | --- | --- |'
    for watched in dict.fromkeys([*sets, more]):
        yield _row(', '.join(f'`{name}`' for name in watched),
                   tested(RULES[CHOSEN_WITH], [watched] * 2))


def tests_of_all(everything: Side, watched: Sequence[str],
                 shipped: Calibration | None) -> Iterable[str]:
    """Yield the tests of one choice: each nominal drive by other sources, OOD drives by all."""
    known, rule = Comparison([*everything.nominal, *everything.ood]), RULES[CHOSEN_WITH]
    yield (f'\n| {", ".join(watched)}; {CHOSEN_WITH} | ERROR after, s | with the calibration '
           f'of the model, s |\n| --- | --- | --- |')
    for drive in (*everything.nominal, *everything.ood):
        others = [one for one in everything.nominal if one.source != drive.source]
        limit = limit_of(known, rule, others, watched)
        delays = (delay_s(known, rule, others, limit, drive, watched),
                  shipped_delay_s(drive, shipped))
        cells = ['not tested' if math.isnan(delay) else '-' if math.isinf(delay)
                 else f'{delay:.1f}' for delay in delays]
        yield f'| {drive.name} | {cells[0]} | {cells[1]} |'


def shipped_delay_s(drive: Drive, shipped: Calibration | None) -> float:
    """Return the time to ERROR, +Inf: none; NaN without a calibration of these scores."""
    if shipped is None or not set(shipped.distribution.watched) <= drive.scores.keys():
        return math.nan
    p = [shipped.test.p_value({name: row[index] for name, row in drive.scores.items()})
         for index in range(len(drive.times_s))]
    beyond = cusum(shipped.limits.exponent)(np.array(p)) > shipped.limits.cusum
    return float(drive.times_s[beyond.argmax()]) if beyond.any() else math.inf


def _row(title: str, found: Outcome) -> str:
    bound = share_upper_bound(found.false, found.nominal)
    return (f'| {title} | {found.false} of {found.nominal} (at most {bound:.0%}) | '
            f'{found.detected} of {found.ood} | {found.in_time} of {found.ood} |')


def score(model: str, path: Path, begin_s: float,
          seconds: float) -> list[tuple[int, dict[str, float]]]:
    """Score a part of a drive; rows of stamp and scores."""
    from bdl_perception import cycle_scores, frame_scores, open_backend, Perceiver
    from bdl_perception.drives import open_drives
    from bdl_perception.evaluation.inference import finish_cycle
    perceiver, thinning = Perceiver(open_backend(model), 16, 0), Thinning(STEP_S)
    rows: list[tuple[int, dict[str, float]]] = []
    start_ns = None
    for frame in open_drives([path])[0]:
        start_ns = frame.stamp_ns if start_ns is None else start_ns
        if frame.stamp_ns - start_ns < begin_s * 1e9:
            continue
        if rows and frame.stamp_ns - rows[0][0] > seconds * 1e9:
            break
        if thinning.due(frame.stamp_ns):
            values = frame_scores(perceiver.perceive(frame)).values
            rows.append((frame.stamp_ns, {
                **values, **cycle_scores(finish_cycle(perceiver), 1).values}))
    if not rows:
        raise SystemExit(f'{path} is shorter than {begin_s:g} s')
    return rows


def load(model: str, folder: Path, kind: str, path: Path, sources: dict[str, str],
         begin_s: float) -> Drive:
    """Read the scores of a drive, which are computed first if they are missing."""
    stored = folder / f'{kind}__{path.stem}.json'
    settings = {'model': model, 'begin_s': begin_s}
    if not stored.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(
            {**settings, 'observations': score(model, path, begin_s, SECONDS[kind])}))
    found = json.loads(stored.read_text())
    if any(found.get(name, value) != value for name, value in settings.items()):
        raise SystemExit(f'{stored} has scores of {found["model"]} from {found["begin_s"]:g} s '
                         f'on; give another folder for SCORES')
    rows = found['observations']
    stamps = np.array([stamp for stamp, _ in rows], float)
    columns = {name: np.array([values.get(name, math.inf) for _, values in rows])
               for name in rows[0][1]}
    return Drive(path.stem, sources.get(path.stem, path.stem), (stamps - stamps[0]) / 1e9,
                 {name: row for name, row in columns.items() if name not in IMAGE_VALUES},
                 {name: row for name, row in columns.items() if name in IMAGE_VALUES})


def write_calibration(out: Path, model: str, drives: Sequence[Drive], watched: Sequence[str],
                      exponent: float) -> None:
    """Calibrate a model on drives that have been scored."""
    from bdl_perception import open_backend
    from bdl_perception.alarm.calibrate import calibrate
    from bdl_perception.alarm.calibration_config import CalibrationConfig
    from bdl_perception.alarm.observations import Observation, ScoredDrive
    from bdl_perception.model_store import save_calibration
    from bdl_perception.perception.status import build_identity
    from bdl_perception.version import software_version
    backend = open_backend(model)
    identity = build_identity(backend.spec, 16, 0, backend.precision)
    scored = [ScoredDrive(one.name, [
        Observation(round(time_s * 1e9), {name: float(row[index]) for name, row
                                          in {**one.scores, **one.image}.items()})
        for index, time_s in enumerate(one.times_s)], recording=one.source) for one in drives]
    config = CalibrationConfig(watched=tuple(watched), exponent=exponent, alpha=ALPHA)
    save_calibration(out, calibrate(scored, identity, config, software_version()))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('scores', type=Path, metavar='SCORES')
    parser.add_argument('--nominal', type=Path, nargs='+', required=True)
    parser.add_argument('--ood', type=Path, nargs='+', required=True)
    parser.add_argument('--sources', type=Path)
    parser.add_argument('--ood-from', type=float, default=0., metavar='S')
    parser.add_argument('--model', default='street')
    parser.add_argument('--calibrate', type=Path, metavar='OUT')
    parser.add_argument('--watch', default='mutual_information,mutual_information_corridor')
    parser.add_argument('--exponent', type=float, default=.01)
    words = parser.parse_args()
    rows = csv.DictReader(words.sources.open()) if words.sources else ()
    sources = {Path(row['file']).stem: row['repo'] for row in rows}
    drives = {kind: [load(words.model, words.scores, kind, path, sources, begin_s)
                     for path in sorted(paths)]
              for kind, paths, begin_s in (('nominal', words.nominal, 0.),
                                           ('ood', words.ood, words.ood_from))}
    watched, everything = tuple(words.watch.split(',')), Side(**drives)
    if words.calibrate:
        write_calibration(words.calibrate, words.model, everything.nominal, watched,
                          words.exponent)
    has_calibration = (find_model(words.model) / CALIBRATION_FILE).is_file()
    shipped = load_calibration(words.model) if has_calibration else None
    for line in (*tables(everything, watched), *tests_of_all(everything, watched, shipped)):
        print(line)


if __name__ == '__main__':
    main()
