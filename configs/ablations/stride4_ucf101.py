# Key-frame stride s = 4, the default.
_base_ = '../respike_r50_ucf101_split1.py'
