_base_ = [
    '_base_/models/i3d_r50.py', '_base_/datasets/motion_shapes.py',
    '_base_/frames/motion_shapes.py', '_base_/schedules/sgd_cosine_10e.py',
    '_base_/default_runtime.py'
]
model = dict(
    backbone=dict(pretrained=None, pretrained2d=False),
    cls_head=dict(num_classes=16))

pack = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_frames + pack))
test_pipeline = _base_.val_frames + pack
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
