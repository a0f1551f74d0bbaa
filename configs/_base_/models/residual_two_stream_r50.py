# Feichtenhofer et al. 2016 use ResNet-50 on frames far apart, each with a
# stack of ten optical flows; here all frames of a clip, and the change to the
# next frame as motion, so that the input is RGB alone.
_base_ = './tsn_r50.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResidualTwoStreamResNet',
        clip_len=16,
        stream=dict(
            type='mmpretrain.ResNet',
            depth=50,
            init_cfg=dict(
                type='Pretrained', checkpoint='torchvision://resnet50'))),
    cls_head=dict(in_channels=4096))
