_base_ = [
    '../_base_/models/c3d.py', '../_base_/packs/rgb_3d.py',
    '../_base_/recipes/motion_shapes.py'
]
# On 64x64 frames the last map is 512 x 1 x 3 x 3.
model = dict(backbone=dict(out_dim=4608), cls_head=dict(num_classes=16))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
