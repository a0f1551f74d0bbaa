from .ms_resnet import MSResNet
from .residual_two_stream import ResidualTwoStreamResNet
from .snn_resnet import SNNResNet
from .spike_conv_flow_net import SpikeConvFlowNet
from .sts_resnet import STSResNet

__all__ = [
    'MSResNet', 'ResidualTwoStreamResNet', 'SNNResNet', 'STSResNet',
    'SpikeConvFlowNet'
]
