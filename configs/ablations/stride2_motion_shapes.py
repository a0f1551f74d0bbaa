# Key-frame stride s = 2: 8 key and 8 residual frames.
_base_ = '../respike_tiny_motion_shapes.py'

pack = [
    dict(type='KeyResidualSampler', stride=2),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
