import pytest
import torch
from small_respike import clips, small_respike

from respike_mm.visualization.attention import (StageAttention, attention_of,
                                                busiest_token, cell_box,
                                                token_at, top_tokens)
from respike_mm.visualization.attention_figures import (Glance,
                                                        attention_frames,
                                                        draw_attention,
                                                        overlay, weight_scale)


def test_rows_and_heads():
    # One step, one segment, two heads, two queries, four tokens.
    weights = torch.tensor([[[1., 0, 0, 0], [0, 1, 0, 0]],
                            [[0, 0, .5, .5], [0, 0, 0, 1]]])
    attention = StageAttention(weights[None, None], (1, 2), (2, 2))
    assert attention.row(0, 0, 0).tolist() == [.5, 0, .25, .25]
    assert attention.row(0, 0, 1, head=1).tolist() == [0, 0, 0, 1]
    for index, name in (((1, 0, 0, 0), 'step 1'), ((0, 2, 0, 0), 'segment 2'),
                        ((0, 0, 2, 0), 'token 2'), ((0, 0, 0, 2), 'head 2')):
        with pytest.raises(ValueError, match=f'no .*{name}'):
            attention.row(*index)


def test_top_tokens_come_in_order():
    row = torch.tensor([.1, .4, .2, .3])
    assert top_tokens(row, 3) == [1, 3, 2]
    for k in (0, 5):
        with pytest.raises(ValueError, match=f'1 to 4.*got {k}'):
            top_tokens(row, k)


def test_pixels_and_cells():
    # A frame 40 wide and 20 high in 2 rows of 4 cells of 10x10.
    assert token_at(0, 0, (20, 40), (2, 4)) == 0
    assert token_at(39, 9, (20, 40), (2, 4)) == 3
    assert token_at(10, 10, (20, 40), (2, 4)) == 5
    assert cell_box(5, (20, 40), (2, 4)) == (10, 10, 10, 10)
    for x, y in ((40, 0), (0, 20), (-1, 0)):
        with pytest.raises(ValueError, match='x is 0 to 39, y is 0 to 19'):
            token_at(x, y, (20, 40), (2, 4))


def test_motion_energy_has_no_sign():
    residual = torch.zeros(20, 40, 3, dtype=torch.int16)
    residual[12, 35] = -9
    residual[2, 2] = 8
    assert busiest_token(residual, (2, 4)) == 7


def test_recorded_attention_is_the_networks():
    model = small_respike()
    data = clips(views=2, height=32, width=64)
    stages, predictions = attention_of(model, data)
    assert sorted(stages) == [0, 1, 2, 3] and len(predictions) == 1
    grids = [(stage.query_grid, stage.key_grid) for stage in stages.values()]
    assert grids == [((4, 8), (4, 8)), ((4, 8), (4, 8)), ((2, 4), (2, 4)),
                     ((1, 2), (1, 2))]
    # By the definition, from the projections of the last stage.
    seen = {}
    layer = model.neck.blocks['3'].block.cross_attn
    handle = layer.register_forward_pre_hook(
        lambda module, args: seen.update(
            x=args[2](args[0]), context=args[1]))
    with torch.no_grad():
        model.test_step(data)
        query = layer.to_q(seen['x'])[1, 2, 1, 8:16]  # [N, S, L, D], head 1
        keys = layer.to_k(seen['context'])[1, :, 8:16]
    handle.remove()
    expected = (keys @ query / 8**.5).softmax(0)
    torch.testing.assert_close(stages[3].row(2, 1, 1, head=1), expected)


def test_without_cross_attention():
    with pytest.raises(ValueError, match='no cross-attention.*neck='):
        attention_of(small_respike(neck=None), clips())


def glance(frame=1):
    key = torch.full((4, 4, 3), 100, dtype=torch.uint8)
    row = torch.tensor([.1, .6, .3, 0.])
    return Glance(frame, key, torch.zeros(4, 4, 3, dtype=torch.int16),
                  (2, (2, 2)), row, (2, 2))


def test_overlay_dims_all_but_the_top():
    look = glance()
    picture = overlay(look.key, look.row, look.key_grid, 1,
                      weight_scale([look]))
    assert (picture[2:] == 35).all() and (picture[:2, :2] == 35).all()
    # The largest weight has the scale's last colour, (253, 231, 37).
    expected = [.45 * 100 + .55 * c for c in (253.2, 231.1, 36.7)]
    assert picture[0, 2].tolist() == pytest.approx(expected, abs=1)


def test_figures_and_frames():
    still = draw_attention([glance()], 2, 'still')
    assert len(still.axes) == 3 + 1
    strip = draw_attention([glance(3), glance(7)], 2, 'strip')
    assert [axis.get_title() for axis in strip.axes[:2]] == ['frame 3',
                                                             'frame 7']
    assert 'uniform is 25.0' in strip.axes[-1].get_ylabel()
    box = strip.axes[0].patches[-1]
    assert (box.get_x(), box.get_y()) == (-.5, 1.5)  # token 2: lower left
    frames = torch.full((2, 4, 4, 3), 200, dtype=torch.uint8)
    video = attention_frames([glance(1)], frames, 1, zoom=2)
    assert (video[0] == 200).all()  # a key frame: both halves as they are
    assert video[1].shape == (8, 16, 3)
    assert video[1][4, 0].tolist() == [240, 228, 66]  # the query's outline
    assert (video[1][4:, 8:] == 35).all()
