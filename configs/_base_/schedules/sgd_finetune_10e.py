# Fine-tuning a ResNet whose last stage starts from scratch, ten epochs.
# What is pretrained moves slowly: at the full rate the random last stage
# destroys it in the first epochs. The longest matching key counts.
slow = ('backbone.conv1', 'backbone.bn1', 'backbone.layer1', 'backbone.layer2',
        'backbone.layer3')
optim_wrapper = dict(
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
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=8)
