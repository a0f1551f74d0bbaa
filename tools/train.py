"""Train a model: ``python tools/train.py CONFIG``."""
import argparse
import os
import sys

import _common


def parse_args() -> argparse.Namespace:
    """Read the command line; it has MMAction2's options."""
    parser = argparse.ArgumentParser(description='Train a model')
    parser.add_argument('config', help='the config to train')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue a run: from this checkpoint or, without one, from the '
        'last in the work dir')
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not validate while training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the batch size in use over the one '
        "that the config's learning rate is meant for")
    parser.add_argument(
        '--seed', type=int, help="random seed, in place of the config's")
    parser.add_argument(
        '--diff-rank-seed',
        action='store_true',
        help='add the rank of each process to the seed')
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='use deterministic algorithms only')
    _common.add_common_options(parser)
    return parser.parse_args()


def set_randomness(cfg, args: argparse.Namespace) -> None:
    """Let the options replace single entries of the config's randomness."""
    randomness = {'seed': None, **(cfg.get('randomness') or {})}
    if args.seed is not None:
        randomness['seed'] = args.seed
    if args.diff_rank_seed:
        randomness['diff_rank_seed'] = True
    if args.deterministic:
        randomness['deterministic'] = True
        # cuBLAS reads it when it is first used, and is refused without.
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    cfg.randomness = randomness


def set_amp(cfg) -> None:
    """Switch the optimizer wrapper to mixed precision."""
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    kind = kind if isinstance(kind, str) else kind.__name__
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise SystemExit(f'--amp cannot replace optim_wrapper.type={kind!r}')
    wrapper.type = 'AmpOptimWrapper'
    wrapper.setdefault('loss_scale', 'dynamic')


def set_resume(cfg, checkpoint: str) -> None:
    """Resume from a checkpoint, or from the run's last one that is whole;
    where there is none yet, start as the config says."""
    from respike_mm.engine import latest_checkpoint
    if checkpoint != 'auto':
        _common.refuse_damaged(checkpoint)
        cfg.resume, cfg.load_from = True, checkpoint
        return
    try:
        latest = latest_checkpoint(
            cfg.work_dir, lambda text: print(text, file=sys.stderr))
    except ValueError as error:
        raise SystemExit(str(error)) from None
    if latest:
        cfg.resume, cfg.load_from = True, str(latest)


def apply_args(cfg, args: argparse.Namespace) -> None:
    """Write the options into the config."""
    set_randomness(cfg, args)
    if args.amp:
        set_amp(cfg)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise SystemExit('--auto-scale-lr needs a config with '
                             'auto_scale_lr=dict(base_batch_size=...)')
        cfg.auto_scale_lr.enable = True
    if args.resume:
        set_resume(cfg, args.resume)


def main() -> None:
    """Train."""
    args = parse_args()
    if args.resume and args.resume != 'auto':
        _common.check_checkpoint(args.resume)
    cfg = _common.load_config(args)
    apply_args(cfg, args)
    _common.build_runner(cfg).train()
    _common.leave_process_group()


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
