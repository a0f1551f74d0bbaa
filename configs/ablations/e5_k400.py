_base_ = [
    '../_base_/models/tsn_r50.py', '../_base_/packs/residual.py',
    '../_base_/recipes/k400.py'
]
# ANN on residual frames, which have no mean to subtract.
model = dict(
    clip_len=12,
    cls_head=dict(num_classes=400),
    data_preprocessor=dict(mean=[0, 0, 0]))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
