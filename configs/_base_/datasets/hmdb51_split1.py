data_root = 'data/hmdb51'
train_dataset = dict(
    type='CheckedVideoDataset',
    ann_file=f'{data_root}/hmdb51_train_split_1_videos.txt',
    data_prefix=dict(video=f'{data_root}/videos'),
    num_classes=51,
    prepare='python tools/data/prepare_hmdb51.py')
val_dataset = {
    **train_dataset,
    'ann_file': f'{data_root}/hmdb51_val_split_1_videos.txt',
    'data_prefix': dict(video=f'{data_root}/videos'),
    'test_mode': True,
}

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=train_dataset)
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=val_dataset)
test_dataloader = {**val_dataloader, 'batch_size': 1}

val_evaluator = dict(type='AccMetric')
test_evaluator = dict(type='AccMetric')
