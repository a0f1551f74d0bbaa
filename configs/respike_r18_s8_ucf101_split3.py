_base_ = './respike_r50_s8_ucf101_split3.py'

model = dict(backbone=dict(depth=18, pretrained='torchvision://resnet18'))
