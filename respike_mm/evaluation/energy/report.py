"""Energy per clip under one or several rules."""
import logging
from dataclasses import asdict, dataclass
from typing import Dict, List, Sequence

from mmengine.logging import print_log

from .constants import EnergyConstants
from .measurement import Measurement
from .neurons import missing_neurons
from .rules import RULES, Charge
from .work import LayerRecord

MJ_PER_PJ = 1e-9


@dataclass
class LayerEnergy:
    """One record and what every rule charges for it."""
    record: LayerRecord
    charges: Dict[str, Charge]


@dataclass
class EnergyReport:
    """What a model cost, layer by layer; all figures are per clip.

    Args:
        measurement: What was counted, over all clips.
        layers: The layers, in the order in which they first ran.
        rules: Names of the rules that charged them.
        constants: Energy per operation.
    """
    measurement: Measurement
    layers: List[LayerEnergy]
    rules: Sequence[str]
    constants: EnergyConstants

    @classmethod
    def of(cls, measurement: Measurement, rules: Sequence[str],
           constants: EnergyConstants) -> 'EnergyReport':
        """Apply rules to a measurement.

        Warns in the log where :attr:`warning` does.

        Raises:
            ValueError: If there is no rule of such a name.
            RuntimeError: If nothing was measured.
        """
        unknown = [rule for rule in rules if rule not in RULES]
        if unknown or not rules:
            raise ValueError(f'no energy rules {unknown}; there are '
                             f'{sorted(RULES)}')
        if not measurement.clips or not measurement.layers:
            raise RuntimeError(
                'nothing was observed: run samples through the model inside '
                'EnergyMeter.observe(), not an exported graph')
        layers = [LayerEnergy(x, {}) for x in measurement.layers.values()]
        for rule in rules:
            charges = RULES[rule]([x.record for x in layers], constants)
            for layer, charge in zip(layers, charges):
                layer.charges[rule] = charge
        report = cls(measurement, layers, tuple(rules), constants)
        if report.warning:
            print_log(f'Energy: {report.warning}', 'current', logging.WARNING)
        return report

    @property
    def warning(self) -> str:
        """Why the model looks spiking though no neuron was recorded."""
        return missing_neurons(self.measurement.layers.values())

    def totals(self, branch: str = '') -> Dict[str, dict]:
        """``{rule: {'energy_mj', 'macs', 'syops'}}``, of a branch or all."""
        chosen = [
            x for x in self.layers if branch in ('', x.record.branch)
        ]
        return {
            rule: self._sum([x.charges[rule] for x in chosen])
            for rule in self.rules
        }

    def _sum(self, charges: Sequence[Charge]) -> dict:
        return dict(
            energy_mj=self.millijoules(charges),
            macs=sum(c.macs for c in charges) / self.measurement.clips,
            syops=sum(c.syops for c in charges) / self.measurement.clips)

    def millijoules(self, charges: Sequence[Charge]) -> float:
        """Energy of some charges per clip."""
        energy = sum(charge.picojoules for charge in charges)
        return energy * MJ_PER_PJ / self.measurement.clips

    @property
    def branches(self) -> Dict[str, Dict[str, dict]]:
        """Totals of every branch, in the order in which they ran."""
        names = dict.fromkeys(x.record.branch for x in self.layers)
        return {name: self.totals(name) for name in names}

    @property
    def firing_rates(self) -> Dict[str, float]:
        """Spikes per neuron and time step of every neuron layer."""
        return {
            x.record.name: x.record.rate
            for x in self.layers if x.record.op == 'neuron'
        }

    def layer_rows(self) -> List[dict]:
        """One flat row per layer and operation, for JSON and CSV."""
        return [self._row(layer) for layer in self.layers]

    def _row(self, layer: LayerEnergy) -> dict:
        record, work = layer.record, layer.record.total
        clips = self.measurement.clips
        row = dict(
            name=record.name,
            branch=record.branch,
            op=record.op,
            input=record.kind,
            calls=record.calls)
        for count in ('macs', 'accumulates', 'spikes', 'adds', 'muls',
                      'compares', 'specials', 'inputs', 'outputs'):
            row[count] = getattr(work, count) / clips
        if record.driven:
            row['rate'] = record.rate
            row['rate_summed'] = work.spikes / clips / work.input_words
        else:
            # A layer that met floats may have met spikes too.
            row.update(accumulates=0, spikes=0, rate=None, rate_summed=None)
        for rule, charge in layer.charges.items():
            row[f'{rule}_macs'] = charge.macs / clips
            row[f'{rule}_syops'] = charge.syops / clips
            row[f'{rule}_energy_mj'] = self.millijoules([charge])
            row[f'{rule}_excluded'] = charge.excluded
        return row

    def unknown_rows(self) -> List[dict]:
        """Unknown operations with their calls and the layers they ran in."""
        return [
            dict(op=op, calls=sum(calls.values()), layers=sorted(calls))
            for op, calls in self.measurement.unknown.items()
        ]

    def to_dict(self) -> dict:
        """Everything, as plain numbers and strings."""
        return dict(
            samples=self.measurement.samples,
            clips=self.measurement.clips,
            input_shapes=sorted(map(list, self.measurement.input_shapes)),
            warning=self.warning,
            totals=self.totals(),
            branches=self.branches,
            constants=asdict(self.constants),
            unknown=self.unknown_rows(),
            data_movement=dict(self.measurement.moved),
            outside_model=dict(self.measurement.outside),
            layers=self.layer_rows())
