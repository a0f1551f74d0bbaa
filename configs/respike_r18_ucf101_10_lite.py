_base_ = [
    '_base_/models/respike_r50.py', '_base_/datasets/ucf101_10_lite.py',
    '_base_/frames/dense_96.py', '_base_/schedules/sgd_cosine_100e.py',
    '_base_/default_runtime.py'
]
# Weights by torchvision's names, which mmpretrain's ResNet shares; what the
# file lacks keeps its own initialisation.
weights = '{{$RESNET18_WEIGHTS:data/weights/resnet18.pt}}'
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ResNet',
        depth=18,
        zero_init_residual=False,
        init_cfg=[
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Pretrained', checkpoint=weights)
        ]),
    neck=dict(full_resolution_identity=True),
    cls_head=dict(num_classes=10))

pack = [
    dict(type='KeyResidualSampler', stride=4),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

# What is pretrained moves slowly: at the full rate the random last stage
# destroys it in the first epochs. The longest matching key counts.
slow = ('backbone.conv1', 'backbone.bn1', 'backbone.layer1', 'backbone.layer2',
        'backbone.layer3')
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(
        custom_keys={
            'snn_backbone.layer': dict(lr_mult=1.0),
            **{key: dict(lr_mult=0.1)
               for key in slow}
        }))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.1,
        end=1,
        by_epoch=True,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        begin=1,
        T_max=9,
        eta_min=0,
        by_epoch=True,
        convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=10, val_interval=10)
