# The original's ResNet-50 at depth 18.
_base_ = './residual_two_stream_r50.py'
model = dict(
    backbone=dict(
        stream=dict(
            depth=18, init_cfg=dict(checkpoint='torchvision://resnet18'))),
    cls_head=dict(in_channels=1024))
