# Every frame of the clip, for Recognizer2D.
pack = [
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]
