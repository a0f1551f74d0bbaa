# Key-frame stride s = 2: of 16 frames, 8 key and 8 residual ones.
pack = [
    dict(type='KeyResidualSampler', stride=2),
    dict(type='PackActionInputs'),
]
