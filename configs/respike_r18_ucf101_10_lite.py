_base_ = [
    '_base_/models/respike_r50.py', '_base_/packs/key_residual.py',
    '_base_/recipes/ucf101_10_lite.py'
]
# The key frame's logits only help in training: its pretrained ANN is certain
# of the few training clips long before the spiking branch, which predicts.
model = dict(
    backbone=_base_.ann,
    snn_backbone=_base_.snn,
    neck=dict(full_resolution_identity=True),
    cls_head=dict(num_classes=10, branch_loss=0.8, key_weight=0.))

train_dataloader = dict(
    dataset=dict(pipeline=_base_.train_frames + _base_.pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + _base_.pack))
test_pipeline = _base_.test_frames + _base_.pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
