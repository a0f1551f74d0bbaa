# Hybrid without attention: the branches meet in the head, where the key frame
# has its say.
_base_ = '../respike_r18_ucf101_10_lite.py'
model = dict(neck=None, cls_head=dict(key_weight=1.))
