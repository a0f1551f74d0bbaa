_base_ = './respike_r50_ucf101_split2.py'

model = dict(backbone=dict(depth=101, pretrained='torchvision://resnet101'))
