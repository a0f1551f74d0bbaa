"""Energy of a model: measured spikes, counted operations, named rules.

See ``docs/energy.md``.
"""
from .constants import EnergyConstants
from .files import save_report
from .markdown import to_markdown
from .meter import EnergyMeter, measure_energy
from .neurons import neuron_types
from .plots import Point, plot_accuracy_energy
from .report import EnergyReport
from .rules import RULES

__all__ = [
    'EnergyConstants', 'EnergyMeter', 'EnergyReport', 'Point', 'RULES',
    'measure_energy', 'neuron_types', 'plot_accuracy_energy', 'save_report',
    'to_markdown'
]
