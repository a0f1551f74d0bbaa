_base_ = [
    '../_base_/models/adascan_r18.py', '../_base_/packs/rgb_2d.py',
    '../_base_/recipes/k400.py'
]
model = dict(cls_head=dict(num_classes=400))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
