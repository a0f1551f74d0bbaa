# R3D-18 as in torchvision, on any number of frames and any size. From
# scratch: the paper compares without pretraining on video.
model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='ResNet3d',
        depth=18,
        conv1_kernel=(3, 7, 7),
        with_pool1=False,
        with_pool2=False,
        temporal_strides=(1, 2, 2, 2),
        zero_init_residual=False),
    cls_head=dict(
        type='I3DHead', in_channels=512, num_classes=400,
        average_clips='prob'),
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW'))
