_base_ = './respike_r50_s8_ucf101_split1.py'

model = dict(backbone=dict(depth=101, pretrained='torchvision://resnet101'))
