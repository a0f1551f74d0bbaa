"""Keeps MMEngine's history of logged values from growing without end."""
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class BoundedHistoryHook(Hook):
    """Keep the last values of every logged quantity, not a million of them.

    MMEngine appends to arrays that it copies at every iteration and writes
    to every checkpoint, up to 1,000,000 values of each quantity: memory, the
    time of an iteration and the size of a checkpoint grow with the training.
    What is averaged for a log line are a few of them; all are in the log
    files (``vis_data/*.json``).

    Args:
        max_length: Values kept of each quantity. Defaults to 10,000.

    Raises:
        ValueError: If ``max_length`` is not above zero, or at the start of a
            training whose ``log_processor`` looks at more values.
    """

    def __init__(self, max_length: int = 10_000) -> None:
        if max_length < 1:
            raise ValueError('BoundedHistoryHook: max_length must be at '
                             f'least 1, got {max_length}')
        self.max_length = max_length

    def before_train(self, runner: Runner) -> None:
        processor = runner.log_processor
        windows = {'window_size': processor.window_size}
        for i, options in enumerate(processor.custom_cfg):
            if options['method_name'] != 'current':  # the last value alone
                # Without a window MMEngine takes all there is.
                windows[f'custom_cfg[{i}]'] = options.get(
                    'window_size') or 'global'
        for key, window in windows.items():
            if window == 'epoch':
                window = len(runner.train_dataloader)
            elif window == 'global':
                window = runner.max_iters
            if window > self.max_length:
                raise ValueError(
                    f'log_processor.{key} looks at {window} values, and '
                    f'BoundedHistoryHook keeps {self.max_length}: set '
                    f'default_hooks.bounded_history.max_length={window}, or '
                    'a smaller window_size')

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        # A quantity may turn up at any iteration; its buffer cuts itself.
        for history in runner.message_hub.log_scalars.values():
            history.max_length = self.max_length
