# Generated: sixteen classes, a still object times the drift of two balls.
_base_ = './video.py'

data = dict(
    num_classes=16,
    data_prefix=dict(video='data/motion_shapes'),
    prepare='python tools/data/make_motion_shapes.py')
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(ann_file='data/motion_shapes/train.txt', **data))
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    dataset=dict(ann_file='data/motion_shapes/val.txt', **data))
test_dataloader = val_dataloader

val_evaluator = dict(metric_list=('top_k_accuracy', ))
test_evaluator = dict(metric_list=('top_k_accuracy', ))
