_base_ = './respike_r50_ucf101_split1.py'

# Key-frame stride s = 8: two key frames a clip, seven residual frames each.
pack = [
    dict(type='KeyResidualSampler', stride=8, emit='segments'),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
