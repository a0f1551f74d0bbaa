# ReSpike itself: key and residual frames, with attention.
_base_ = '../respike_tiny_motion_shapes.py'
