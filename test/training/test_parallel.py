# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.perception.classes import IGNORE
from bdl_perception.training.parallel import ALONE
from bdl_perception.training.parallel import join_team
from bdl_perception.training.parallel import own_noise
from bdl_perception.training.parallel import Team
import pytest
import torch


@pytest.mark.parametrize(('count', 'size'), [(3, 2), (12, 5), (4, 4), (7, 1)])
def test_the_parts_are_the_whole_and_nearly_equal(count, size):
    parts = [range(count)[Team(rank, size).part(count)] for rank in range(size)]
    assert [index for part in parts for index in part] == [*range(count)]
    lengths = [len(part) for part in parts]
    assert 0 < min(lengths) and max(lengths) - min(lengths) <= 1


def test_more_processes_than_frames_are_refused():
    with pytest.raises(ValueError, match='batch of 3 frames is too small for 4 processes'):
        Team(0, 4).part(3)


def test_each_part_has_the_noise_that_one_process_would_draw():
    classes = torch.full((3, 2, 2), IGNORE, dtype=torch.uint8)
    classes[0, 0] = 1  # two labelled pixels, then three, then none
    classes[1].flatten()[:3] = 2
    drawn = []
    for team in (ALONE, Team(0, 3), Team(1, 3), Team(2, 3)):
        torch.manual_seed(7)
        drawn.append(own_noise(classes, team.part(3), 4, 11))
    torch.manual_seed(7)
    torch.testing.assert_close(drawn[0], torch.randn(4, 5, 11), rtol=0, atol=0)
    assert [len(part[0]) for part in drawn[1:]] == [2, 3, 0]
    torch.testing.assert_close(torch.cat(drawn[1:], 1), drawn[0], rtol=0, atol=0)


def test_without_torchrun_a_process_is_alone_and_leads(monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    with join_team(torch.device('cpu')) as team:
        assert team == ALONE and team.leads
        network = torch.nn.Linear(1, 1)
        assert team.share(network) is network and team.told(3) == 3
        assert team.mean(torch.tensor(.5), torch.tensor(7)) == .5
