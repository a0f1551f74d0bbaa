"""Colours that colour-blind readers can tell apart."""
from matplotlib import colormaps
from matplotlib.colors import Colormap

# Okabe and Ito's.
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00',
           '#F0E442', '#000000')
# Blue below zero, red above, white at zero.
SIGNED: Colormap = colormaps['RdBu_r']
INTENSITY: Colormap = colormaps['viridis']
