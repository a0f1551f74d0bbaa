# MS-ResNet-18 in the variant of ReSpike's spiking branch.
_base_ = './snn_resnet18.py'
model = dict(backbone=dict(type='MSResNet'))
