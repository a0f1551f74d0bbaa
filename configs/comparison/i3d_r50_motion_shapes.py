_base_ = [
    '../_base_/models/i3d_r50.py', '../_base_/packs/rgb_3d.py',
    '../_base_/recipes/motion_shapes.py'
]
model = dict(
    # From scratch, so with the zeros that MMAction2 starts from by default:
    # without them the first gradient is 50 to 70 times larger.
    backbone=dict(
        pretrained=None,
        pretrained2d=False,
        base_channels=16,
        zero_init_residual=True),
    cls_head=dict(in_channels=512, num_classes=16))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
