import torch


def test_table(tool):
    """Ratios and differences are to the first variant."""
    names = tool('deployment/benchmark.py', 'x.py', 'x.pth')
    variants = {
        'PyTorch eager': (lambda x: x, 2**20),
        'other': (lambda x: x + 0.5, 3 * 2**20),
    }
    times = {
        'PyTorch eager': [[4., 5.], [2., 3.], [9., 9.]],
        'other': [[8., 5.], [8., 5.], [8., 5.]],
    }
    rows = names['table'](variants, times, torch.zeros(1, 2))
    assert rows[2:] == [
        '| PyTorch eager | 1.0 | 4.0 | 5.0 | 1.00 | 0.0e+00 |',
        '| other | 3.0 | 8.0 | 5.0 | 2.00 | 5.0e-01 |',
    ]
    found = names['measure'](variants, torch.zeros(1, 2), 3)
    assert [len(rows) for rows in found.values()] == [3, 3]
