# Spiking network on all frames.
_base_ = '../comparison/ms_resnet18_ucf101.py'
