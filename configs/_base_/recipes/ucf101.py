_base_ = [
    '../datasets/ucf101_split1.py', '../frames/dense.py',
    '../schedules/sgd_cosine_100e.py', '../default_runtime.py'
]
