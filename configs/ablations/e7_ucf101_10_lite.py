_base_ = [
    '../_base_/models/ms_resnet18.py', '../_base_/packs/key.py',
    '../_base_/recipes/ucf101_10_lite.py'
]
# Spiking network on key frames, four time steps a clip.
model = dict(
    clip_len=4,
    backbone=dict(_base_.snn, num_steps=4),
    cls_head=dict(num_classes=10))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
