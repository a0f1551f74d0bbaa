# Spiking network on all frames.
_base_ = '../comparison/ms_resnet18_k400.py'
