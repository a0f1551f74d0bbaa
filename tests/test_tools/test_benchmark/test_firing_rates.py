import mini_benchmark as mini
from _bench.firing_rates import firing_rates, firing_rates_table


def test_rates_of_a_report_are_those_of_its_neurons():
    layers = [dict(name='lif', op='neuron', rate=0.25),
              dict(name='conv', op='conv', rate=0.25),
              dict(name='never_ran', op='neuron', rate=None)]
    assert firing_rates(layers) == dict(lif=0.25)


def test_layers_of_one_place_side_by_side_and_seeds_averaged():
    def run(name, seed, config, section, **rates):
        return mini.record(name, 0.5, seed, section=section, config=config,
                           firing_rates=rates)

    table = firing_rates_table(mini.results(
        run('MS-ResNet', 0, 'snn.py', 'SNN',
            **{'backbone.l1': 0.5, 'backbone.l2': 0.7}),
        run('E2', 0, 'snn.py', 'Ablation', **{'backbone.l1': 0.5}),
        run('s=2', 0, 's2.py', 'Stride', **{'snn_backbone.l1': 0.1}),
        run('s=2', 1, 's2.py', 'Stride', **{'snn_backbone.l1': 0.2}),
        mini.record('ResNet-18', 0.5, section='2D ANN')))
    assert table.columns == ['layer', 'ReSpike s=2', 'MS-ResNet']
    assert table.rows == [['l1', '0.150', '0.500'], ['l2', '', '0.700']]


def test_a_stale_run_may_have_other_layers():
    def run(seed, **rates):
        return mini.record('MS-ResNet', 0.5, seed, section='SNN',
                           config='snn.py', firing_rates=rates)

    table = firing_rates_table(mini.results(
        run(0, old=0.3, both=0.1), run(1, both=0.2, new=0.4)))
    assert table.rows == [['old', '0.300'], ['both', '0.150'],
                          ['new', '0.400']]
