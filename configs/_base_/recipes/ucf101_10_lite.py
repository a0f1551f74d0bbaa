_base_ = [
    '../datasets/ucf101_10_lite.py', '../frames/dense_96.py',
    '../schedules/sgd_finetune_10e.py', '../default_runtime.py'
]
# The ANN of every system here. Weights by torchvision's names, which
# mmpretrain's ResNet shares; what the file lacks keeps its own
# initialisation. The stages that the file has stay as they are, statistics
# included: a batch shows too few scenes to estimate better ones.
weights = '{{$RESNET18_WEIGHTS:data/weights/resnet18.pt}}'
ann = dict(
    _delete_=True,
    type='mmpretrain.ResNet',
    depth=18,
    frozen_stages=3,
    zero_init_residual=False,
    init_cfg=[
        dict(type='Kaiming', layer='Conv2d'),
        dict(type='Pretrained', checkpoint=weights)
    ])
# What the convolutions of the spiking branch start from, its stem included.
snn = dict(
    stem='conv7x7',
    init_cfg=[
        dict(type='Kaiming', layer='Conv2d'),
        dict(type='ImageFilters', checkpoint=weights)
    ])
