# ANN on all frames.
_base_ = '../comparison/tsn_r50_k400.py'
