from .ms_resnet import MSResNet

__all__ = ['MSResNet']
