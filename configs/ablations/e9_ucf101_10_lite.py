# ReSpike itself: key and residual frames, with attention.
_base_ = '../respike_r18_ucf101_10_lite.py'
