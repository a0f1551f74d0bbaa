_base_ = './respike_r50_ucf101_split1.py'

model = dict(backbone=dict(depth=152, pretrained='torchvision://resnet152'))
