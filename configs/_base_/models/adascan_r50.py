# Kar et al. 2017 pool fc6 of a VGG-16 over 25 frames; here the last map of a
# ResNet over the frames of a clip, as all 2D systems of the comparison have.
_base_ = './tsn_r50.py'
model = dict(cls_head=dict(type='AdaScanHead', clip_len=16))
