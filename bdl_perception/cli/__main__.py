# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`python -m bdl_perception.cli` is `bdl`."""
import sys

from bdl_perception.cli.main import main

sys.exit(main())
