# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Baseline node: one callback that runs the whole network T times in torch and publishes.

It is the simplest implementation of Monte Carlo dropout. It uses the libraries well: eval mode, no
gradients, image data as bytes and not as lists, a resize before the network. The network is that
of the model, with new dropout masks for each pass.
"""
import sys

from bdl_perception.bench.graphs import load_torch_network
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.perception.backend import DEMO_MODEL
import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Bool
import torch

NAME = 'baseline_node'
THRESHOLD = 0.1  # of the mean relative deviation; the value does not change the cost


class BaselineNode(Node):
    """Publishes depth, its epistemic deviation and an alarm from T full passes."""

    def __init__(self) -> None:
        """Load the network, create publishers and the subscription."""
        super().__init__(NAME)
        model = self.declare_parameter('model', DEMO_MODEL).value
        self.network = load_torch_network(model).network
        self.samples = self.declare_parameter('samples', 16).value
        torch.set_num_threads(self.declare_parameter('threads', 2).value)
        self.depth_publisher = self.create_publisher(Image, 'depth/image', 10)
        self.epistemic_publisher = self.create_publisher(Image, 'depth/epistemic_std', 10)
        self.alarm_publisher = self.create_publisher(Bool, 'alarm', 10)
        self.create_subscription(Image, 'image', self.on_image, 10)

    def on_image(self, message: Image) -> None:
        """Process one frame completely."""
        depths = self.sample(self.to_tensor(message))  # (T, h, w) m
        mean, std = depths.mean(0), depths.std(0)
        self.depth_publisher.publish(to_image_message(mean, message))
        self.epistemic_publisher.publish(to_image_message(std, message))
        self.alarm_publisher.publish(Bool(data=bool((std / mean).mean() > THRESHOLD)))

    def to_tensor(self, message: Image) -> torch.Tensor:
        """Convert an rgb8 image to (1, 3, H, W) at the size of the network."""
        pixels = np.frombuffer(bytes(message.data), np.uint8)
        rgb = pixels.reshape(message.height, message.width, 3)
        size = (self.network.config.width, self.network.config.height)
        return torch.from_numpy(cv2.resize(rgb, size)).permute(2, 0, 1)[None].float()

    @torch.no_grad()
    def sample(self, image: torch.Tensor) -> torch.Tensor:
        """Run T full passes with dropout; gives depth (T, h, w) in m."""
        passes = [self.network(image, self.network.draw_masks(1)) for _ in range(self.samples)]
        return torch.cat([maps.log_depth for maps in passes]).exp()


def to_image_message(values: torch.Tensor, source: Image) -> Image:
    """Make a 32FC1 image of (h, w) with the header of the source."""
    height, width = values.shape
    return Image(header=source.header, height=height, width=width, encoding='32FC1',
                 step=4 * width, data=values.numpy().tobytes())


def main() -> int:
    """Run the node until a signal ends it."""
    return run_node(NAME, BaselineNode)


if __name__ == '__main__':
    sys.exit(main())
