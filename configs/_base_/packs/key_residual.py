# Key-frame stride s = 4: of 16 frames, 4 key and 12 residual ones.
pack = [
    dict(type='KeyResidualSampler', stride=4),
    dict(type='PackActionInputs'),
]
