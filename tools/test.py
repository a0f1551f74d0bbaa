"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""
import argparse

import _common


def parse_args() -> argparse.Namespace:
    """Read the command line; it has MMAction2's options."""
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    parser.add_argument('config', help='the config to test with')
    parser.add_argument('checkpoint', help='the weights: a file or address')
    parser.add_argument(
        '--dump',
        metavar='FILE.pkl',
        help='write the prediction for every sample to this pickle file')
    parser.add_argument(
        '--show-dir',
        help='save frames with their predictions to this folder')
    parser.add_argument(
        '--show',
        action='store_true',
        help='show videos with their predictions in a window')
    parser.add_argument(
        '--interval',
        type=int,
        default=1,
        help='show or save every n-th sample only (default: 1)')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        help='seconds that a frame stays in the window (default: 2)')
    _common.add_common_options(parser)
    args = parser.parse_args()
    if args.dump and not args.dump.endswith(('.pkl', '.pickle')):
        parser.error(f'--dump writes a .pkl or .pickle file, not {args.dump}')
    return args


def apply_args(cfg, args: argparse.Namespace) -> None:
    """Write the options into the config."""
    # A config that a resumed training saved says resume=True.
    cfg.load_from, cfg.resume = args.checkpoint, False
    if args.show or args.show_dir:
        hooks = cfg.default_hooks
        hooks.setdefault('visualization', dict(type='VisualizationHook'))
        hooks.visualization.update(
            enable=True,
            show=args.show,
            out_dir=args.show_dir,
            interval=args.interval,
            wait_time=args.wait_time)
    if args.dump:
        metrics = cfg.test_evaluator
        if not isinstance(metrics, (list, tuple)):
            metrics = [metrics]
        dump = dict(type='DumpResults', out_file_path=args.dump)
        cfg.test_evaluator = [*metrics, dump]


def main() -> None:
    """Test."""
    args = parse_args()
    _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    apply_args(cfg, args)
    _common.build_runner(cfg).test()
    _common.leave_process_group()


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
