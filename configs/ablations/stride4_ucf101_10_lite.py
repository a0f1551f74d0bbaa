# Key-frame stride s = 4, the default.
_base_ = '../respike_r18_ucf101_10_lite.py'
