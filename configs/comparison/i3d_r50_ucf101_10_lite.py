_base_ = [
    '../_base_/models/i3d_r50_scratch.py', '../_base_/packs/rgb_3d.py',
    '../_base_/recipes/ucf101_10_lite.py'
]
model = dict(cls_head=dict(num_classes=10))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
