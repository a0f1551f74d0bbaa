# Key-frame stride s = 8.
_base_ = '../respike_r18_s8_hmdb51_split1.py'
