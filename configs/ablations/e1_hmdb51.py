# ANN on all frames.
_base_ = '../comparison/tsn_r18_hmdb51.py'
