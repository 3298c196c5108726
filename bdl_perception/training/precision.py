# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Which device computes, and in how many bits.

Never run by its authors: anything on CUDA, for want of one; that is pinned copies, float16 with
its scaler, nccl. What the tests run is the CPU in float32, and in bfloat16 under autocast.
"""
from dataclasses import dataclass
import os

from bdl_perception.training.batches import Batch
import torch
from torch import Tensor

DEVICES = ('auto', 'cpu', 'cuda')


@dataclass(frozen=True)
class Precision:
    """Where tensors live and what the network computes with; losses stay in float32."""

    device: torch.device
    half: torch.dtype | None = None  # of the network's multiplications; None: float32

    def autocast(self) -> torch.autocast:
        """Let what is computed inside use fewer bits where that is harmless."""
        return torch.autocast(self.device.type, self.half, enabled=self.half is not None)

    def scaler(self) -> torch.amp.GradScaler:
        """Make what keeps small gradients from vanishing: only float16 needs it."""
        return torch.amp.GradScaler(self.device.type, enabled=self.half == torch.float16)

    def moved(self, batch: Batch) -> Batch:
        """Bring a batch to the device, without waiting for it."""
        return Batch(self._moved(batch.rgb), self._moved(batch.log_depth),
                     self._moved(batch.classes))

    def _moved(self, tensor: Tensor) -> Tensor:
        if self.device.type != 'cuda':
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)


def choose_precision(device: str, mixed: bool) -> Precision:
    """
    Take the device of that name; auto: CUDA where there is one, of torchrun's local rank.

    mixed: bfloat16, or float16 where a GPU has no bfloat16; on CUDA only, since on a CPU it is
    many times slower.
    """
    if device == 'cpu' or (device == 'auto' and not torch.cuda.is_available()):
        return Precision(torch.device('cpu'))
    if not torch.cuda.is_available():
        raise ValueError('device is cuda, but torch sees no GPU; install the driver and a torch '
                         'with CUDA, or set device to cpu')
    chosen = torch.device('cuda', int(os.environ.get('LOCAL_RANK', '0')))
    torch.cuda.set_device(chosen)
    if not mixed:
        return Precision(chosen)
    return Precision(chosen, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
