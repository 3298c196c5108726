# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a model on disk to TensorRT running it: the library, the GPU, the engines, the backend."""
from pathlib import Path

from bdl_perception.backends.cuda import CudaGpu
from bdl_perception.backends.engine_cache import default_folder
from bdl_perception.backends.engine_cache import EngineCache
from bdl_perception.backends.engines import ready_engines
from bdl_perception.backends.engines import Target
from bdl_perception.backends.model_files import ModelFiles
from bdl_perception.backends.tensorrt_library import load_library
from bdl_perception.backends.tensorrt_run import TensorRtBackend


def open_tensorrt(files: ModelFiles, precision: str, folder: Path | None = None,
                  ) -> TensorRtBackend:
    """Run a model on the GPU; engines that are not in the folder yet are built first."""
    library = load_library()
    gpu = CudaGpu()
    target = Target(library, precision, gpu.name, gpu.capability)
    cache = EngineCache(folder or default_folder())
    perceive, sample = ready_engines(files, target, cache)
    return TensorRtBackend(files.spec, perceive.data, sample.data, library.api, gpu,
                           precision)
