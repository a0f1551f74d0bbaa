# Every frame of the clip with its optical flow, for Recognizer2D.
pack = [
    dict(type='AppendFlow'),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]
