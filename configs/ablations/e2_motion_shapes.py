# Spiking network on all frames.
_base_ = '../comparison/ms_resnet18_motion_shapes.py'
