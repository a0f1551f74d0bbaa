# Key-frame stride s = 8.
_base_ = '../respike_r50_s8_ucf101_split1.py'
