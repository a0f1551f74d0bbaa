# STS-ResNet-18: convolutions that span three time steps.
_base_ = './snn_resnet18.py'
model = dict(backbone=dict(type='STSResNet'))
