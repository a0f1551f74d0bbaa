"""What ``train.py`` and ``test.py`` share: options, config, process set-up."""
import argparse
import ctypes
import difflib
import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner
    from torch import nn

ROOT = Path(__file__).resolve().parents[1]
# On CPU, training allocates and frees large buffers all the time; by default
# glibc gives each back to the kernel, which then has to zero it anew.
MALLOC_SETTINGS = {
    'MALLOC_MMAP_MAX_': '0',
    'MALLOC_TRIM_THRESHOLD_': '100000000000',
}
INSTALL = ('Install respike_mm and what it needs first: '
           f'pip install -e "{ROOT}[lite]"')


def has_cuda() -> bool:
    """Ask the driver for GPUs: importing torch for it would take seconds."""
    try:
        driver = ctypes.CDLL('libcuda.so.1')
    except OSError:
        return False
    count = ctypes.c_int()
    return (driver.cuInit(0) == 0
            and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
            and count.value > 0)


def restart_with_malloc_settings() -> None:
    """Replace this process by one with ``MALLOC_SETTINGS``, if it needs them.

    glibc reads them before Python starts, so they cannot be set from within.
    Nothing happens off Linux, with a GPU, under a launcher (the shell scripts
    set them), or where either is set already; the last also stops the second
    process from restarting.
    """
    if platform.system() != 'Linux' or any(
            name in os.environ for name in ('LOCAL_RANK', *MALLOC_SETTINGS)):
        return
    if has_cuda():
        return
    settings = ' '.join(f'{k}={v}' for k, v in MALLOC_SETTINGS.items())
    print(
        f'No GPU: restarting with {settings} (faster on CPU)',
        file=sys.stderr,
        flush=True)
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]],
              {**os.environ, **MALLOC_SETTINGS})


def import_plugin() -> None:
    """Import ``respike_mm``: installed, or else from this checkout.

    Importing it mends the stack, which has to come before any config with an
    ``mmaction::`` base is read.

    Raises:
        SystemExit: If a package that it needs is not installed.
    """
    if importlib.util.find_spec('respike_mm') is None:
        sys.path.insert(0, str(ROOT))
    try:
        import respike_mm  # noqa: F401
    except ModuleNotFoundError as error:
        raise SystemExit(f'{error}. {INSTALL}') from None


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that both tools have."""
    try:
        from mmengine.config import DictAction
    except ModuleNotFoundError as error:
        raise SystemExit(f'{error}. {INSTALL}') from None
    parser.add_argument(
        '--work-dir',
        help='folder for logs, checkpoints and results (default: the '
        "config's work_dir, else work_dirs/CONFIG)")
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace entries of the config, for example '
        'optim_wrapper.optimizer.lr=0.01 or model.backbone.depth=50; lists '
        'as key="[a,b]", without blanks')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes of a distributed run')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='unpickle checkpoints in full, which runs the code in them')
    # torch.distributed.launch still passes the rank this way.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> 'Config':
    """Read the config and apply the options of ``add_common_options``.

    The plugin is imported in between: it takes seconds, which nobody should
    wait to learn of a typing error.

    Args:
        args (argparse.Namespace): The parsed command line.

    Returns:
        Config: The config, with ``work_dir`` and ``launcher`` set.

    Raises:
        SystemExit: If there is no such config.
    """
    path = Path(args.config)
    if not path.is_file():
        names = [p.name for p in path.parent.glob('*.py')]
        close = difflib.get_close_matches(path.name, names, n=1)
        hint = f'; did you mean {path.parent / close[0]}?' if close else ''
        raise SystemExit(f'config {path} does not exist{hint}')
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.trust_checkpoint:
        os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'
    import_plugin()
    from mmengine.config import Config
    cfg = Config.fromfile(path)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif not cfg.get('work_dir'):
        cfg.work_dir = str(Path('work_dirs', path.stem))
    return cfg


def check_checkpoint(path: str) -> None:
    """Stop early where a local checkpoint is missing.

    Args:
        path (str): A file, or an address such as ``https://...``.

    Raises:
        SystemExit: If the file does not exist.
    """
    if '://' not in path and not Path(path).is_file():
        raise SystemExit(f'checkpoint {path} does not exist')


def load_model(cfg: 'Config', checkpoint: Optional[str],
               device: str = 'cpu') -> 'nn.Module':
    """Build a config's recognizer, in evaluation mode.

    Args:
        cfg (Config): What :func:`load_config` read.
        checkpoint (str, optional): Its weights; without one it is untrained.
        device (str): Where to put it.

    Raises:
        SystemExit: If the checkpoint is of another model.
    """
    if not checkpoint:
        from mmaction.apis import init_recognizer
        return init_recognizer(cfg, device=device)
    from respike_mm.apis import load_recognizer
    try:
        return load_recognizer(cfg, checkpoint, device)
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error


def refuse_damaged(path: str) -> None:
    """Stop where a local checkpoint is torn.

    Files in PyTorch's format from before 1.6 carry no checksums and pass.

    Args:
        path (str): A file, or an address such as ``https://...``.

    Raises:
        SystemExit: If the file is damaged.
    """
    from respike_mm.engine import damage
    if '://' in path:
        return
    with open(path, 'rb') as file:
        is_archive = file.read(2) == b'PK'
    defect = damage(path) if is_archive else None
    if defect:
        raise SystemExit(f'checkpoint {path} is damaged ({defect})')


def build_runner(cfg: 'Config') -> 'Runner':
    """Build the runner that the config asks for, MMEngine's by default."""
    from mmaction.registry import RUNNERS
    from mmengine.runner import Runner
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def leave_process_group() -> None:
    """End a distributed run in good order; with gloo, end the process.

    gloo's threads abort an interpreter that exits under them ("terminate
    called without an active exception"), now and then even after the group
    was left, and torchrun reports that as a failure of a run that had in fact
    finished. So the process ends here, without the interpreter's own exit.
    """
    from torch import distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    gloo = distributed.get_backend() == 'gloo'
    distributed.destroy_process_group()
    if gloo:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
