# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Decode image messages; `perception.image_decoding` does it, for bags as well."""
from bdl_perception.perception.image_decoding import (
    ENCODING_ALIASES,
    ENCODINGS,
    rgb_from_compressed,
    rgb_from_image,
)

__all__ = ['ENCODING_ALIASES', 'ENCODINGS', 'rgb_from_compressed', 'rgb_from_image']
