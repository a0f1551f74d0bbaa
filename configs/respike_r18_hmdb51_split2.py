_base_ = './respike_r50_hmdb51_split2.py'

model = dict(backbone=dict(depth=18, pretrained='torchvision://resnet18'))
