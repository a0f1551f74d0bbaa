# Key-frame stride s = 16: of 16 frames, 1 key and 15 residual ones.
pack = [
    dict(type='KeyResidualSampler', stride=16),
    dict(type='PackActionInputs'),
]
