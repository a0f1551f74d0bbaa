# Key-frame stride s = 4, the default.
_base_ = '../respike_r18_hmdb51_split1.py'
