# Key-frame stride s = 8: 2 key and 14 residual frames.
_base_ = '../respike_r18_ucf101_10_lite.py'

pack = [
    dict(type='KeyResidualSampler', stride=8),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_frames + _base_.pack))
