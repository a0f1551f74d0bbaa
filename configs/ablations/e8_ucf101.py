# Hybrid without attention: the branches meet in the head.
_base_ = '../respike_r50_ucf101_split1.py'
model = dict(neck=None)
