_base_ = [
    '_base_/models/respike_tiny.py', '_base_/packs/key_residual.py',
    '_base_/recipes/motion_shapes.py'
]
model = dict(backbone=_base_.ann, cls_head=dict(num_classes=16))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
