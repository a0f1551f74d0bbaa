# Key-frame stride s = 4, the default.
_base_ = '../respike_tiny_motion_shapes.py'
