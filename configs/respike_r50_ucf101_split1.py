_base_ = [
    '_base_/models/respike_r50.py', '_base_/packs/segments.py',
    '_base_/recipes/ucf101.py'
]
model = dict(cls_head=dict(num_classes=101))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
