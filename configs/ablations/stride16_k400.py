# Key-frame stride s = 16: 1 key and 15 residual frames.
_base_ = '../respike_r50_k400.py'

pack = [
    dict(type='KeyResidualSampler', stride=16, emit='segments'),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
