# Generated: sixteen classes, a still object times the drift of two balls.
data_root = 'data/motion_shapes'
train_dataset = dict(
    type='CheckedVideoDataset',
    ann_file=f'{data_root}/train.txt',
    data_prefix=dict(video=data_root),
    num_classes=16,
    prepare='python tools/data/make_motion_shapes.py')
val_dataset = {
    **train_dataset,
    'ann_file': f'{data_root}/val.txt',
    'test_mode': True,
}

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=train_dataset)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=val_dataset)
test_dataloader = val_dataloader

val_evaluator = dict(type='AccMetric', metric_list=('top_k_accuracy', ))
test_evaluator = val_evaluator
