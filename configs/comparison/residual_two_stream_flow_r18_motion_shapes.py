_base_ = [
    '../_base_/models/residual_two_stream_flow_r18.py',
    '../_base_/packs/rgb_flow_2d.py',
    '../_base_/recipes/motion_shapes.py'
]
model = dict(
    backbone=dict(stream=_base_.ann),
    cls_head=dict(in_channels=256, num_classes=16))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
