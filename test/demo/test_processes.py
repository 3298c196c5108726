# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import errno

from bdl_perception.demo.processes import private_domain
import pytest

pytest.importorskip('domain_coordinator')


def test_an_error_of_the_operating_system_passes_through_a_private_domain() -> None:
    with pytest.raises(OSError, match='no space') as caught, private_domain():
        raise OSError(errno.ENOSPC, 'no space', 'record')
    assert caught.value.filename == 'record'


def test_private_domains_at_one_time_differ() -> None:
    with private_domain() as first, private_domain() as second:
        assert first['ROS_DOMAIN_ID'] != second['ROS_DOMAIN_ID']
        assert second['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
