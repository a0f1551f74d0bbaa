from types import SimpleNamespace

from tiny_respike import write_config


def test_one_table_a_call(tool, tmp_path):
    config = write_config(tmp_path / 'small.py')
    out = tmp_path / 'results' / 'out.md'
    for _ in range(2):
        tool('analysis_tools/benchmark_streaming.py', config, '--rounds', 1,
             '--out', out)['main']()
    text = out.read_text()
    assert text.count('# Cost of a frame') == 1
    assert text.count('**small**: 2 segments of 3 frames, 32x32') == 2
    assert text.count('| clip model at every frame |') == 2
    assert text.count(f'small.py --rounds 1 --out {out}`') == 2


def test_mean_weighs_frames_by_their_number(tool):
    """One key frame of 8 ms and two residual frames of 2 ms: 4 ms."""
    table = tool('analysis_tools/benchmark_streaming.py', 'x.py')['table']
    times = {
        'key frame': [[8., 80.]],
        'residual frame': [[2., 20.], [2., 20.]],
        'clip': [[12., 120.]],
    }
    stream = SimpleNamespace(stride=3, num_segments=2)
    text = table('x', stream, (32, 32), times, 1)
    assert '| stream, mean of a segment | 4.0 | 40.0 | 1.00 |' in text
    assert '| clip model at every frame | 12.0 | 120.0 | 3.00 |' in text
