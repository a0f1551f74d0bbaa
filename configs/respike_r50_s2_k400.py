_base_ = './respike_r50_k400.py'

# Key-frame stride s = 2: eight key frames a clip, one residual frame each.
pack = [
    dict(type='KeyResidualSampler', stride=2, emit='segments'),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
