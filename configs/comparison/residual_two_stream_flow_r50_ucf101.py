# Optical flow, estimated from the frames, in place of their differences.
_base_ = './residual_two_stream_r50_ucf101.py'
pack = [dict(type='AppendFlow')] + _base_.pack
model = dict(
    backbone=dict(motion='flow'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53, 128, 128],
        std=[58.395, 57.12, 57.375, 128, 128]))

train_dataloader = dict(dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
