model = dict(
    type='HybridReSpike',
    backbone=dict(
        type='ResNet', depth=50, pretrained='torchvision://resnet50'),
    snn_backbone=dict(type='MSResNet', depth=18),
    neck=dict(type='CrossAttentionNeck'),
    cls_head=dict(type='ReSpikeHead', average_clips='prob'),
    data_preprocessor=dict(
        type='KeyResidualDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375]))
