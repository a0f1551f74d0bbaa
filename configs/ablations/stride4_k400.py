# Key-frame stride s = 4, the default.
_base_ = '../respike_r50_k400.py'
