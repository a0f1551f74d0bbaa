# TET-ResNet-18: the network of SNN-ResNet-18 under the TET loss.
_base_ = './snn_resnet18.py'
model = dict(cls_head=dict(loss_cls=dict(type='TETLoss')))
