# SpikeConvFlowNet: RGB frames and, computed inside, their differences.
_base_ = './snn_resnet18.py'
# The paper sums the cross-entropy over time steps: TETLoss without its
# regulariser.
model = dict(
    backbone=dict(_delete_=True, type='SpikeConvFlowNet', num_steps=16),
    cls_head=dict(in_channels=64, loss_cls=dict(type='TETLoss', lamb=0)))
