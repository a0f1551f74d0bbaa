"""Grad-CAM of both branches of a hybrid network.

    python tools/visualizations/grad_cam.py CONFIG CHECKPOINT \\
        --video VIDEO --out grad_cam.png

The score is the predicted class's, or with ``--use-label`` the true one's.
"""
import argparse
from pathlib import Path

import _sample


def parse_args() -> argparse.Namespace:
    parser = _sample.parser_of(__doc__)
    parser.add_argument('--out', type=Path, required=True, help='a .png')
    parser.add_argument('--ann-layer', default='backbone/layer4',
                        help='default: backbone/layer4')
    parser.add_argument('--snn-layer', default='snn_backbone/layer4',
                        help='default: snn_backbone/layer4')
    parser.add_argument('--use-label', action='store_true')
    parser.add_argument('--labels', type=Path, help='class names, one a line')
    parser.add_argument('--colormap', default='viridis')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.use_label and args.video:
        raise ValueError('--use-label needs a sample of a data set')
    model, batch = _sample.prepare(args)
    from respike_mm.apis.class_names import read_class_names
    from respike_mm.structures import label_of
    from respike_mm.visualization import HybridGradCAM, segments_of
    from respike_mm.visualization.grad_cam_figures import draw_grad_cam
    clip = segments_of(batch['inputs'][0], args.view)
    blended = []
    for layer in (args.ann_layer, args.snn_layer):
        cam = HybridGradCAM(model, layer, args.colormap)
        frames, scores = cam(batch, use_labels=args.use_label)
        blended.append(frames[args.view])
    label = label_of(batch['data_samples'][0]) if args.use_label else int(
        scores.argmax())
    name = read_class_names(args.labels, scores.shape[1])[label]
    share = 100 * scores[0].softmax(0)[label].item()
    title = (f'{_sample.name_of(args)}: {name}, score {share:.0f} %\n'
             f'{args.ann_layer} and {args.snn_layer}')
    _sample.save(draw_grad_cam(*blended, len(clip.key), title, cam.colormap),
                 args.out)


if __name__ == '__main__':
    _sample.run(main)
