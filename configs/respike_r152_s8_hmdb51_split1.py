_base_ = './respike_r50_s8_hmdb51_split1.py'

model = dict(backbone=dict(depth=152, pretrained='torchvision://resnet152'))
