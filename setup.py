from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
VERSION = {}
# What OpenMMLab's tools look for in the folder `.mim` of a package.
SHIPPED = ('configs/**/*.py', 'configs/**/*.yml', 'tools/**/*.py',
           'tools/**/*.sh', 'tools/**/*.yaml', 'model-index.yml',
           'dataset-index.yml')
exec((ROOT / 'respike_mm/version.py').read_text(), VERSION)
# Export and its checks; nirtorch is what spikingjelly's NIR exchange uses.
DEPLOY = [
    'onnx>=1.18', 'onnxscript>=0.5', 'onnxruntime>=1.20', 'nir>=1.0.8',
    'nirtorch>=2.6'
]


def shipped_files():
    return sorted({
        path.relative_to(ROOT)
        for pattern in SHIPPED for path in ROOT.glob(pattern)
    })


class BuildPy(build_py):
    """Copies configs and tools into what is built, never into the tree.

    An editable install needs none: they lie beside the package.
    """

    def run(self):
        super().run()
        if self.editable_mode:
            return
        for path in shipped_files():
            target = Path(self.build_lib, 'respike_mm/.mim', path)
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(ROOT / path), str(target))


class SDist(sdist):
    """Packs them, so that a wheel can be built from it."""

    def make_release_tree(self, base_dir, files):
        more = [*map(str, shipped_files()), 'constraints.txt']
        super().make_release_tree(base_dir, [*files, *more])


setup(
    name='respike_mm',
    version=VERSION['__version__'],
    description='ReSpike, a hybrid spiking network for action recognition, '
    'as a plugin for MMAction2',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    packages=find_packages(include=['respike_mm', 'respike_mm.*']),
    cmdclass=dict(build_py=BuildPy, sdist=SDist),
    python_requires='>=3.11,<3.14',
    # mmcv is left to the user: the full and the lite package both install a
    # module called `mmcv`, so naming either would break users of the other.
    # `respike_mm[lite]` adds the one that needs no compiler.
    install_requires=[
        'torch>=2.11',
        'torchvision>=0.26',
        'mmengine>=0.10.7',
        'mmaction2>=1.1.0,<1.3',
        'mmpretrain>=1.2.0',
        'spikingjelly>=2.0.0',
        'decord>=0.6.0',
        # MMAction2 imports it without declaring it.
        'importlib_metadata',
        'tensorboard',
    ],
    extras_require={
        'lite': ['mmcv-lite>=2.0.1,<2.2'],
        'full': ['mmcv>=2.0.1,<2.2'],
        'timm': ['timm>=1.0'],
        'pyav': ['av>=14.1'],
        # The inferencers' video output is written for moviepy 1.
        'demo': ['moviepy<2'],
        'deploy': DEPLOY,
        'openvino': ['openvino>=2025.0'],
        'test': [
            'pytest>=8', 'pytest-xdist>=3.6', 'hypothesis>=6.100',
            'timm>=1.0', 'av>=14.1', 'setuptools', *DEPLOY
        ],
    },
)
