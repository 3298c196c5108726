# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of sets with their own ground truth: single frames, coarse classes, unknown objects."""
from typing import Iterator, Mapping

from bdl_perception.metrics.coarse_classes import COARSE_NAMES
from bdl_perception.report.blocks import (
    Block,
    NotMeasured,
    Section,
    sets_with_metric,
    Table,
    Text,
    Values,
)

TITLE = 'Data sets with their own ground truth'
FRAME_DEPTH_TITLES = {  # name in FrameDepthQuality -> title of its column
    'frames': 'frames with depth', 'abs_rel_median': 'abs. rel. error, median',
    'abs_rel_worst': 'worst frame', 'scale_median': 'scale, median', 'scale_low': 'scale, 10 %',
    'scale_high': 'scale, 90 %', 'scale_right': 'scale within 15 %'}
RANGE_LEVEL = '0.9'
FITTED, FITTED_TITLE = 'cross_validated_coverage', 'fitted to the other recordings'
MAP_HEAD = ('set', 'map', 'AP', 'FPR95', 'AUROC', 'anomalous pixels', 'pixels')


def labelled_sets_section(evaluation: Values) -> Section:
    """Report the tables of all data sets that have one, and their terms."""
    tables = list(labelled_set_tables(evaluation))
    if not tables:
        return Section(TITLE, [NotMeasured(TITLE, 'no data set was given (--data, --anomaly)')])
    blocks: list[Block] = [Text(note(evaluation)), *tables]
    return Section(TITLE, blocks)


def note(evaluation: Values) -> str:
    """Describe the size of the input, and how pixels are compared."""
    size = evaluation['input']
    return (f'The input of the network is {size["width"]}x{size["height"]} px. Depth is compared '
            f'at this size, with the part of the frame that the network gets; CamVid, IDD and '
            f'unknown objects on whole frames at the size of their labels. Scale is the median '
            f'of predicted by true depth in a frame; 1 is right.')


def labelled_set_tables(evaluation: Values) -> Iterator[Table]:
    """Give each table that has a row."""
    depth = sets_with_metric(evaluation, 'frame_depth')
    rows = [[name, *(_text(one[key]) for key in FRAME_DEPTH_TITLES)]
            for name, one in depth.items()]
    intervals = {name: one for name, one in sets_with_metric(evaluation, 'intervals').items()
                 if name in depth}
    coarse = sets_with_metric(evaluation, 'coarse')
    coarse_rows = [[name, _text(one['mean_iou']), _text(one['pixel_accuracy']),
                    *(_text(one['iou'][key]) for key in COARSE_NAMES)]
                   for name, one in coarse.items()]
    map_rows = [[name, score, *(_text(values[key]) for key in ('average_precision', 'fpr_95',
                                                               'auroc')),
                 _text(one['anomalous']), f'{one["pixels"]:,}']
                for name, one in sets_with_metric(evaluation, 'anomalies').items()
                for score, values in best_first(one['maps'])]
    fitted = sets_with_metric(evaluation, FITTED)
    terms = [[name, text] for name, text in evaluation['terms'].items()]
    bins = list(next(iter(intervals.values()))['pixels']) if intervals else []
    for caption, head, body in (
            ('Depth of single frames', ('set', *FRAME_DEPTH_TITLES.values()), rows),
            ('Coverage of 90 % intervals by predicted depth, and pixels of each range',
             ('set', 'interval', *bins),
             list(_coverage_rows(intervals, fitted, bins))),
            ('90 % intervals that are fitted to the other recordings of a set (cross-validation)',
             ('set', 'recordings', 'coverage', 'coverage of the worst', 'coverage of the best'),
             [[name, _text(len(one['by_recording'])), _text(one['coverage'][RANGE_LEVEL]),
               _text(min(one['by_recording'].values())),
               _text(max(one['by_recording'].values()))] for name, one in fitted.items()]),
            ('Coarse classes of IDD, IoU',
             ('set', 'mean', 'pixel accuracy', *COARSE_NAMES), coarse_rows),
            ('Unknown objects by pixel, the best map first', MAP_HEAD, map_rows),
            ('Terms of the data sets', ('set', 'terms'), terms)):
        if body:
            yield Table(caption, head, body)


def best_first(maps: Mapping[str, Values]) -> list[tuple[str, Values]]:
    """Sort maps by falling AP."""
    return sorted(maps.items(), key=lambda item: -item[1]['average_precision'])


def _coverage_rows(intervals: Values, fitted: Values, bins: list[str]) -> Iterator[list[str]]:
    for name, one in intervals.items():
        for title, shares in (('aleatoric', one['aleatoric']['by_range']),
                              ('total', one['total']['by_range']),
                              ('calibrated', one['conformal_by_range']),
                              (FITTED_TITLE, fitted[name]['by_range'] if name in fitted
                               else None)):
            if shares:
                yield [name, title, *(_text(shares[where][RANGE_LEVEL]) for where in bins)]
        yield [name, 'pixels', *(f'{one["pixels"][where]:,}' for where in bins)]


def _text(value: float | None) -> str:
    if value is None:
        return '-'
    return str(value) if isinstance(value, int) else f'{value:.3f}'
