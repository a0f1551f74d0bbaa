# For 64x64 frames: spiking branch and fusion at a quarter of the width. The
# ANN to match is `ann` of recipes/motion_shapes.py.
_base_ = './respike_r50.py'
model = dict(
    snn_backbone=dict(base_channels=16),
    neck=dict(
        reductions=(2, 1, 1, 1),
        full_resolution_identity=True,
        head_channels=16,
        num_groups=8))
