_base_ = './respike_r50_s8_k400.py'

model = dict(backbone=dict(depth=101, pretrained='torchvision://resnet101'))
