# ReSpike itself: key and residual frames, with attention.
_base_ = '../respike_r50_k400.py'
