# Hybrid without attention: the branches meet in the head.
_base_ = '../respike_r18_ucf101_10_lite.py'
model = dict(neck=None)
