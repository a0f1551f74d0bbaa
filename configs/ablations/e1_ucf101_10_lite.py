# ANN on all frames.
_base_ = '../comparison/tsn_r18_ucf101_10_lite.py'
