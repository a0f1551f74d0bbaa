_base_ = [
    '_base_/models/respike_r50.py', '_base_/datasets/ucf101_10_lite.py',
    '_base_/frames/dense_96.py', '_base_/schedules/sgd_finetune_10e.py',
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
