# ReSpike itself: key and residual frames, with attention.
_base_ = '../respike_r18_hmdb51_split1.py'
