# Residual frames only, three a segment, for Recognizer2D. They have no mean
# to subtract: the data preprocessor takes mean=[0, 0, 0].
pack = [
    dict(type='KeyResidualSampler', stride=4, emit='residual'),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]
