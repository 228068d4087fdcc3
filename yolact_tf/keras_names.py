"""Names under which Keras finds the classes of saved models, whether or not their modules were imported."""

import importlib
import sys

PACKAGE = "yolact_tf"
HOMES = {
    "AdamW": "train.optimizer",
    "BatchNormalization": "model.batch_norm",
    "DeformableConv2D": "model.backbones.deformable",
    "FiniteSteps": "train.optimizer",
    "LearningRate": "train.schedule",
    "LossScaleOptimizer": "train.optimizer",
    "Output": "model.outputs",
    "ReferenceSGD": "train.optimizer",
    "Yolact": "model.yolact",
    "YolactLoss": "losses.objective",
}


def tell_keras() -> None:
    """Has Keras know all names, now or as soon as something imports it; never imports it itself."""
    if "keras" in sys.modules:
        _register(sys.modules["keras"])
    else:
        sys.meta_path.insert(0, _WhenKerasComes())


class _Stub:
    """Stands for a class in Keras' registry until its own decorator takes the place.

    Importing all classes at once would go round in circles where one of their modules is what imports Keras.
    """

    def __init__(self, name):
        self._name = name

    def from_config(self, config, **options):
        home = importlib.import_module(f"{PACKAGE}.{HOMES[self._name]}")
        return getattr(home, self._name).from_config(config, **options)


class _WhenKerasComes:
    """Finds Keras as all others do, and registers the names once it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, found), None)
        if spec:
            load = spec.loader.exec_module

            def load_and_register(module):
                load(module)
                _register(module)

            spec.loader.exec_module = load_and_register
        return spec


def _register(keras):
    known = keras.saving.get_custom_objects()
    for name in HOMES:
        known.setdefault(f"{PACKAGE}>{name}", _Stub(name))
