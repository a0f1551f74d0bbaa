# Hybrid without attention: the branches meet in the head.
_base_ = '../respike_r50_k400.py'
model = dict(neck=None)
