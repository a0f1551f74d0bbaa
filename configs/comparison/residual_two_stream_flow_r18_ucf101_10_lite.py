_base_ = [
    '../_base_/models/residual_two_stream_flow_r18.py',
    '../_base_/packs/rgb_flow_2d.py',
    '../_base_/recipes/ucf101_10_lite.py'
]
# No stage is frozen: half of them see motion.
model = dict(
    backbone=dict(stream=dict(_base_.ann, frozen_stages=-1)),
    cls_head=dict(num_classes=10))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
