from .backbones import MSResNet
from .common import LIFNeuron
from .data_preprocessors import KeyResidualDataPreprocessor
from .heads import ReSpikeHead
from .necks import CrossAttentionNeck
from .recognizers import HybridReSpike

__all__ = [
    'CrossAttentionNeck', 'HybridReSpike', 'KeyResidualDataPreprocessor',
    'LIFNeuron', 'MSResNet', 'ReSpikeHead'
]
