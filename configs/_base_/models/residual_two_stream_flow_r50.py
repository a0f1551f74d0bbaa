# Optical flow in place of frame differences.
_base_ = './residual_two_stream_r50.py'
model = dict(
    backbone=dict(motion='flow'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53, 128, 128],
        std=[58.395, 57.12, 57.375, 128, 128]))
