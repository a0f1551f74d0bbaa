_base_ = [
    '../datasets/k400.py', '../frames/uniform.py',
    '../schedules/sgd_cosine_100e.py', '../default_runtime.py'
]
