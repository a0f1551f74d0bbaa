from .backbones import (MSResNet, ResidualTwoStreamResNet, SNNResNet,
                        STSResNet, SpikeConvFlowNet)
from .common import LIFNeuron
from .data_preprocessors import KeyResidualDataPreprocessor
from .heads import AdaScanHead, ReSpikeHead, SpikingHead
from .losses import TETLoss
from .necks import CrossAttentionNeck
from .recognizers import ClipRecognizer2D, HybridReSpike

__all__ = [
    'AdaScanHead', 'ClipRecognizer2D', 'CrossAttentionNeck', 'HybridReSpike',
    'KeyResidualDataPreprocessor', 'LIFNeuron', 'MSResNet', 'ReSpikeHead',
    'ResidualTwoStreamResNet', 'SNNResNet', 'STSResNet', 'SpikeConvFlowNet',
    'SpikingHead', 'TETLoss'
]
