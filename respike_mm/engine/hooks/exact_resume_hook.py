"""A resumed run that equals the uninterrupted one."""
from mmaction.registry import HOOKS
from mmengine.dist import broadcast_object_list, get_dist_info
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ...datasets.randomness import seed_everywhere
from ...datasets.samplers import NumberedSampler, SeededItems


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Makes random numbers and data order a function of the place in a run.

    MMEngine saves weights, optimizer and schedulers, but no generator: after
    resuming, augmentation in the workers begins anew, and so does the epoch
    in which an iteration's checkpoint was saved. With this hook

    - every sample is drawn under a seed made of the run's seed, the epoch and
      the draw's number (:class:`NumberedSampler`);
    - every iteration runs under a seed made of the process's seed and the
      iteration, for dropout and augmentation of batches;
    - a resumed epoch goes on behind the last batch that was trained on,
      without decoding those before it.

    A run with another batch size, data set or number of processes goes on,
    too, but there is nothing that it could equal.

    Iteration-based loops start their workers before any hook: there it warns
    and does nothing. MMEngine advances their data by loading it again, which
    keeps its order, not its augmentation.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._sampler = None

    def before_train(self, runner: Runner) -> None:
        """Number the draws and seed the samples of the training data.

        Raises:
            TypeError: If the loader has no sampler, or its data set cannot
                bear an attribute.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            runner.logger.warning(
                'ExactResumeHook serves epoch-based loops only: resuming '
                'this run will not repeat its augmentation')
            return
        loader = runner.train_dataloader
        batches = loader.batch_sampler
        if not hasattr(batches, 'sampler'):
            raise TypeError(
                f'ExactResumeHook: the batch sampler {batches!r} of '
                'train_dataloader has no `sampler`; take the hook out of '
                'default_hooks')
        seed = self._seed(runner, loader)
        self._sampler = NumberedSampler(batches.sampler, *get_dist_info())
        batches.sampler = self._sampler
        try:
            loader.dataset.__getitems__ = SeededItems(loader.dataset, seed)
        except AttributeError:
            raise TypeError(
                'ExactResumeHook: the data set has to be a Dataset, not a '
                f'{type(loader.dataset).__name__}') from None

    @staticmethod
    def _seed(runner: Runner, loader: DataLoader) -> int:
        """The seed of data order and samples, the same in all processes."""
        # `loader.sampler` is another where a batch sampler is configured.
        sampler = loader.batch_sampler.sampler
        saved = runner.message_hub.runtime_info.get('data_seed')
        if saved is not None and runner.iter > 0:  # resumed
            if hasattr(sampler, 'seed'):
                sampler.seed = saved
            return saved
        seeds = [getattr(sampler, 'seed', runner.seed)]
        broadcast_object_list(seeds)
        runner.message_hub.update_info('data_seed', seeds[0])
        return seeds[0]

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin behind what a resumed epoch has been trained on."""
        if self._sampler is None:
            return
        info = runner.message_hub.runtime_info
        epoch, first_iter = info.get('epoch_begin', (-1, 0))
        if epoch != runner.epoch:
            first_iter = runner.iter
            runner.message_hub.update_info('epoch_begin',
                                           (runner.epoch, first_iter))
        done = runner.iter - first_iter
        if done:
            runner.logger.info(f'epoch {runner.epoch + 1} goes on behind its '
                               f'first {done} iterations')
        batch_size = runner.train_dataloader.batch_sampler.batch_size
        self._sampler.begin(runner.epoch, done * batch_size)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: DATA_BATCH = None) -> None:
        if self._sampler is not None:
            seed_everywhere(runner.seed, runner.iter)
