# Hybrid on raw frames: the spiking branch gets no residuals.
_base_ = '../respike_r50_k400.py'
model = dict(data_preprocessor=dict(residual=False))
