_base_ = './respike_r50_s2_hmdb51_split3.py'

model = dict(backbone=dict(depth=18, pretrained='torchvision://resnet18'))
