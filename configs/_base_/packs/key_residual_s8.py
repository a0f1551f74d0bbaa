# Key-frame stride s = 8: of 16 frames, 2 key and 14 residual ones.
pack = [
    dict(type='KeyResidualSampler', stride=8),
    dict(type='PackActionInputs'),
]
