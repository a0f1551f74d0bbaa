# Key-frame stride s = 8: 2 key and 14 residual frames.
_base_ = '../respike_r18_ucf101_10_lite.py'

pack = [
    dict(type='KeyResidualSampler', stride=8),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
