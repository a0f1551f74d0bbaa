# Key-frame stride s = 2.
_base_ = '../respike_r18_s2_hmdb51_split1.py'
