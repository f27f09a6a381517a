"""Networks to dream with, by name: `vgg16`, `vgg16-lite`, and torchvision's classifiers."""

from dreamvideo.nets.load import choose_model, load_network
from dreamvideo.nets.network import LOGITS, Network

__all__ = ["LOGITS", "Network", "choose_model", "load_network"]
