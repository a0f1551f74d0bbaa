# ANN on all frames.
_base_ = '../comparison/tsn_r18_motion_shapes.py'
