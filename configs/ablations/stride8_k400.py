# Key-frame stride s = 8.
_base_ = '../respike_r50_s8_k400.py'
