# From scratch: the paper compares without pretraining on video. The fully
# connected layers fix the input to 16 frames of 112x112.
model = dict(
    type='Recognizer3D',
    backbone=dict(type='C3D', dropout_ratio=0.5, init_std=0.005),
    cls_head=dict(
        type='I3DHead',
        in_channels=4096,
        num_classes=400,
        spatial_type=None,
        average_clips='prob'),
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[104, 117, 128],
        std=[1, 1, 1],
        format_shape='NCTHW'))
