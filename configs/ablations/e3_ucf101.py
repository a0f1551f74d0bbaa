# Hybrid on raw frames: the spiking branch gets no residuals.
_base_ = '../respike_r50_ucf101_split1.py'
model = dict(data_preprocessor=dict(residual=False))

pack = [
    dict(type='KeyResidualSampler', stride=4, emit='segments'),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
