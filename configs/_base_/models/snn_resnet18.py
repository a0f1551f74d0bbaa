# SNN-ResNet-18: every frame of a clip is a time step. From scratch.
_base_ = './tsn_r50.py'
model = dict(
    backbone=dict(_delete_=True, type='SNNResNet', depth=18, num_steps=16),
    cls_head=dict(type='SpikingHead', in_channels=512, dropout_ratio=0))
