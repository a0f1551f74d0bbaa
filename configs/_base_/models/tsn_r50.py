# MMAction2's TSN; its Recognizer2D, but with scores of every clip.
model = dict(
    type='ClipRecognizer2D',
    clip_len=16,
    backbone=dict(
        type='ResNet', depth=50, pretrained='torchvision://resnet50'),
    cls_head=dict(
        type='TSNHead', in_channels=2048, num_classes=400,
        average_clips='prob'),
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375]))
