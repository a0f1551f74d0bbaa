# The ANN branch alone: key frames through ResNet-18, scores averaged.
_base_ = './respike_r18_ucf101_10_lite.py'
model = dict(
    _delete_=True,
    type='Recognizer2D',
    backbone={{_base_.model.backbone}},
    cls_head=dict(
        type='TSNHead', in_channels=512, num_classes=10, dropout_ratio=0.,
        average_clips='prob'),
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375]))

pack = [
    dict(type='KeyResidualSampler', stride=4, emit='key'),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
