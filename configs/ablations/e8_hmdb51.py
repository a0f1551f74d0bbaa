# Hybrid without attention: the branches meet in the head.
_base_ = '../respike_r18_hmdb51_split1.py'
model = dict(neck=None)
