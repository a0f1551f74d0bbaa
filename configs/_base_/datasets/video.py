# What the loaders of every video data set share.
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CheckedVideoDataset'))
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CheckedVideoDataset', test_mode=True))
test_dataloader = {**val_dataloader, 'batch_size': 1}

val_evaluator = dict(type='AccMetric')
test_evaluator = dict(type='AccMetric')
