# Segments of four raw frames: the spiking branch sees frames, not residuals.
pack = [
    dict(type='KeyResidualSampler', stride=4, emit='segments'),
    dict(type='PackActionInputs'),
]
