# Key-frame stride s = 4 in uint8: a segment is a key frame and three frames
# behind it; the data preprocessor subtracts on the device.
pack = [
    dict(type='KeyResidualSampler', stride=4, emit='segments'),
    dict(type='PackActionInputs'),
]
