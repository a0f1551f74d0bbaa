# The paper's recipe (sections 4.4, 5): SGD, 100 epochs, cosine to zero, batch
# 32, mixed precision. The paper gives no learning rate; the authors' commands
# use 1e-4 and their code's default is 1e-2.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    loss_scale='dynamic',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))

param_scheduler = dict(
    type='CosineAnnealingLR',
    T_max=100,
    eta_min=0,
    by_epoch=True,
    convert_to_iter_based=True)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# `--auto-scale-lr` multiplies the rate by actual batch size / 32.
auto_scale_lr = dict(enable=False, base_batch_size=32)
