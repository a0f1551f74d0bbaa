# ReSpike-R18 at a quarter of the width, for 64x64 frames.
_base_ = './respike_r50.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ResNet',
        depth=18,
        stem_channels=16,
        base_channels=16),
    snn_backbone=dict(base_channels=16),
    neck=dict(
        reductions=(2, 1, 1, 1),
        full_resolution_identity=True,
        head_channels=16,
        num_groups=8))
