_base_ = [
    '../_base_/models/i3d_r50_scratch.py', '../_base_/packs/rgb_3d.py',
    '../_base_/recipes/motion_shapes.py'
]
model = dict(
    backbone=dict(base_channels=16),
    cls_head=dict(in_channels=512, num_classes=16))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
