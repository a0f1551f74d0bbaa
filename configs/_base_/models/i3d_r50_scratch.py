# I3D-R50 without weights to start from, and so with MMAction2's own default of
# zeros in the residual branches: without them the first gradient is far larger.
_base_ = './i3d_r50.py'
model = dict(
    backbone=dict(
        pretrained=None, pretrained2d=False, zero_init_residual=True))
