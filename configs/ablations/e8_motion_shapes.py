# Hybrid without attention: the branches meet in the head.
_base_ = '../respike_tiny_motion_shapes.py'
model = dict(neck=None)
