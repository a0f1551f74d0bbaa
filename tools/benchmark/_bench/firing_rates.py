"""Firing rates of every layer, systems side by side."""
import statistics
from typing import Any, Dict, Sequence

from .summary import rows_of
from .tables import Results, Table

# Rows that are the same run under several names are shown under the first.
SECTIONS = ('Stride', 'SNN', 'Ablation')
Rates = Dict[str, Dict[str, float]]  # by system, by layer


def firing_rates(layers: Sequence[Dict[str, Any]]) -> Dict[str, float]:
    """Spikes per neuron and time step, by layer, of an energy report."""
    return {row['name']: row['rate'] for row in layers
            if row['op'] == 'neuron' and row['rate'] is not None}


def mean_rates(data: Results) -> Rates:
    """Means over the runs of a row, for every row that fires.

    ``backbone.`` and ``snn_backbone.`` are left out of the layers' names, so
    that layers of the same place stand side by side.
    """
    rates, seen = {}, set()
    for section in SECTIONS:
        for name, runs in rows_of(data['runs'], section).items():
            measured = [run['firing_rates'] for run in runs
                        if run.get('firing_rates')]
            if not measured or runs[0]['config'] in seen:
                continue
            seen.add(runs[0]['config'])
            label = f'ReSpike {name}' if section == 'Stride' else name
            rates[label] = {
                layer.partition('backbone.')[2] or layer:
                statistics.mean(run[layer] for run in measured
                                if layer in run)  # stale ones may have others
                for layer in dict.fromkeys(x for run in measured for x in run)}
    return rates


def firing_rates_table(data: Results) -> Table:
    """One line a layer, one column a system."""
    rates = mean_rates(data)
    layers = dict.fromkeys(layer for by_layer in rates.values()
                           for layer in by_layer)
    rows = [[layer, *(f'{by_layer[layer]:.3f}' if layer in by_layer else ''
                      for by_layer in rates.values())] for layer in layers]
    return Table(
        f'firing_rates_{data["suite"]}',
        f'{data["title"]}: spikes per neuron and time step, mean over seeds',
        ['layer', *rates], rows)
