# Key-frame stride s = 2.
_base_ = '../respike_r50_s2_k400.py'
