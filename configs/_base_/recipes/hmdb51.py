_base_ = [
    '../datasets/hmdb51_split1.py', '../frames/dense.py',
    '../schedules/sgd_cosine_100e.py', '../default_runtime.py'
]
