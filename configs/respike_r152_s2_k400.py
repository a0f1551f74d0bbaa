_base_ = './respike_r50_s2_k400.py'

model = dict(backbone=dict(depth=152, pretrained='torchvision://resnet152'))
