# Key frames only, for Recognizer2D.
pack = [
    dict(type='KeyResidualSampler', stride=4, emit='key'),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]
