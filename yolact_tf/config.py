"""What a model, its data and its training are made of: frozen dataclasses, checked on creation.

A recipe is a Python file that builds one `Config`; a run folder keeps the resolved one as JSON.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Self

from yolact_tf.fields import AUTO, AutoInt, from_dict, running

# Of an encoded image that a server is sent: its float32 pixels take 600 MB.
MAX_PIXELS = 50_000_000
SHOWN_ABOVE = 0.15  # the scores that commands show of a model without thresholds of its own
PRECISIONS = ("float32", "bfloat16")  # that a run detects in
BOXLESS = ("rectangles", "crowd", "drop")  # what a box without a mask may become


@dataclass(frozen=True)
class ModelConfig:
    """The network (YOLACT §3): backbone, pyramid, prototypes and the shared head."""

    num_classes: int = 80  # without background
    backbone: str = "resnet50"  # a name of `model.backbones`, or "keras_hub:" and a preset of KerasHub
    backbone_weights: str = "imagenet"  # or "random", or the run or weight file whose backbone it takes
    backbone_preset: str = ""  # KerasHub's own description of the preset, which a run keeps: JSON
    pyramid_channels: int = 256
    num_prototypes: int = 32
    prototype_channels: int = 256
    prototype_convs: int = 3  # 3x3 convolutions on P3 before the upsampling
    prototype_levels: int = 1  # what prototypes are made of: P3 alone, or summed with P4 (2) and P5 (3)
    head_channels: int = 256
    # Whether mask coefficients start from 0, not at random. Random ones teach prototypes to say nothing, from
    # which their ReLU may never come back: with wide layers, all of them within a hundred steps.
    zero_coefficients: bool = False
    mask_rescoring: bool = False  # the mask-IoU network of YOLACT++

    def __post_init__(self):
        for name in (
            "num_classes",
            "pyramid_channels",
            "num_prototypes",
            "prototype_channels",
            "prototype_convs",
            "head_channels",
        ):
            _require_at_least(self, "model", name, 1)
        _require_one_of(self, "model", "prototype_levels", (1, 2, 3))


@dataclass(frozen=True)
class AnchorConfig:
    """Anchors: per level one size, times `scales` (YOLACT++), times `ratios` (width / height)."""

    sizes: tuple[float, ...] = (24.0, 48.0, 96.0, 192.0, 384.0)  # pixels, P3..P7
    scales: tuple[float, ...] = (1.0,)
    ratios: tuple[float, ...] = (1.0, 0.5, 2.0)
    # The released YOLACT models were trained with height computed as width (dbolya/yolact#19).
    square: bool = True

    def __post_init__(self):
        if len(self.sizes) != 5:
            raise ValueError(
                f"`anchors.sizes` must have five entries, one a level P3..P7. Received: {self.sizes!r}"
            )
        for name in ("sizes", "scales", "ratios"):
            values = getattr(self, name)
            if not values or min(values) <= 0:
                raise ValueError(f"`anchors.{name}` must be positive numbers. Received: {values!r}")


@dataclass(frozen=True)
class DataConfig:
    """Images in, padded batches out (YOLACT §6; augmentation after SSD). The defaults are the reference's."""

    image_size: int = 550
    channels: int = 3  # of the network's images: 3 is RGB, 1 grey
    max_objects: int = 100  # ground-truth slots an image; further objects are dropped, largest kept
    on_error: str = running("skip")  # what is corrupt, image or annotation: "skip" it, or "refuse" it
    max_unreadable: float = running(0.05)  # share of an epoch's or a validation's images that may get lost
    # A box without a mask is a filled rectangle ("rectangles"), a region to ignore ("crowd"), is left out
    # ("drop"), or refused ("refuse").
    boxless: str = "rectangles"
    empty_images: bool = False  # whether images without annotations train, too; the reference drops them
    photometric: bool = True
    expand: float = 4.0  # largest canvas relative to the image; 1 turns expansion off
    sample_crop: bool = True
    # Multi-scale training on a canvas of one size: range of magnification. (0.1, 2.0), the large one, is best
    # with copy-paste, a `min_box_side` of some pixels, and no `expand` and `sample_crop`, which zoom as well.
    scale_jitter: tuple[float, float] = (1.0, 1.0)
    mirror: bool = True
    flip: bool = False  # upside down
    rotate: bool = False  # by right angles
    mosaic: float = 0.0  # how likely three further images join the view
    copy_paste: float = 0.0  # how likely some objects of a further image are pasted into the view
    unmixed_end: float = 0.0  # share of the training, at its end, without mosaic and copy-paste
    boxes: str = "transformed"  # by the view, as the reference does; or "refitted" to the visible mask
    # Side of true masks over that of prototypes. Mask losses compare at this size, with mask logits enlarged:
    # 2 teaches edges that `detect.mask_upsampling=logits` shows, and takes four times the memory of masks.
    mask_scale: int = 1
    min_box_side: float = 4 / 550  # network pixels; objects no larger are dropped (the reference's 4 / 550)
    cache: str = running("none")  # images as files are kept in "memory" if they fit, or copied to a folder
    deterministic: bool = running(True)  # false: validation in whatever order it is ready, a little sooner

    def __post_init__(self):
        _require_at_least(self, "data", "image_size", 64)
        _require_one_of(self, "data", "channels", (1, 3))
        _require_at_least(self, "data", "max_objects", 1)
        _require_at_least(self, "data", "mask_scale", 1)
        _require_at_least(self, "data", "expand", 1.0)
        _require_at_least(self, "data", "min_box_side", 0.0)
        _require_one_of(self, "data", "on_error", ("skip", "refuse"))
        _require_one_of(self, "data", "boxless", (*BOXLESS, "refuse"))
        _require_one_of(self, "data", "boxes", ("transformed", "refitted"))
        low, high = self.scale_jitter if len(self.scale_jitter) == 2 else (0, 0)
        if not 0 < low <= high:
            raise ValueError(
                "`data.scale_jitter` must be (low, high) with 0 < low <= high. "
                f"Received: {self.scale_jitter!r}"
            )
        for name in ("mosaic", "copy_paste", "unmixed_end", "max_unreadable"):
            _require_share(self, "data", name)


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation (YOLACT §6, released configuration).

    A step learns from one batch. A run that goes on after an interruption may have other values of its
    `running` fields.
    """

    epochs: int = 55
    minutes: float = 0.0  # of wall clock: as many epochs as fit in, on a schedule to match; 0: `epochs`
    batch_size: AutoInt = 8  # images a step; "auto": as many as fit into memory
    nominal_batch: int = 8  # what `learning_rate` is for: it grows with the images an update; 0: never
    accumulate: int = 1  # steps whose gradients make one update
    seed: int = 0
    images_per_epoch: int = 0  # 0: one pass over the data; else this many, repeating small data sets
    validate_every: int = running(2)  # epochs between validations; the last epoch always validates
    patience: int = running(0)  # validations without a better mask AP until training ends; 0: never
    save_minutes: float = running(10.0)  # between states that `--resume` goes on from, within an epoch
    max_skipped: int = running(20)  # steps in a row whose loss is not finite until training ends
    # Layers that do not learn, such as "backbone", or "backbone:2": its stages up to a stride of 2² (1..5).
    freeze: tuple[str, ...] = ()
    # Share of the run after which they learn; 0: never. Until then their batch norm goes by
    # `freeze_batch_norm`, and a step takes as long as if they learned.
    thaw_at: float = 0.0
    backbone_rate: float = 1.0  # of the learning rate and the decay, for the backbone
    layer_decay: float = 1.0  # each stage of the backbone has this much of the rate of the stage after it
    # "always", "never", or "auto", as the reference: always below 6 images a replica, as it was at the start.
    freeze_batch_norm: str = "auto"
    optimizer: str = "sgd"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_steps: int = 500  # updates
    warmup_learning_rate: float = 1e-4
    schedule: str = "steps"
    decay_at: tuple[float, ...] = (0.35, 0.75, 0.875, 0.9375)  # fractions of the run: 280k.. of 800k
    decay_factor: float = 0.1
    gradient_clip: float = 0.0  # largest norm of all gradients together; 0: no limit
    ema: float = 0.0  # decay of the averaged weights; 0: none
    precision: str = "float32"
    jit_compile: bool = running(False)  # XLA; JAX always compiles
    devices: int = running(0)  # of each host: 0 every accelerator, 1 one, N so many, or N shares of a CPU
    loggers: tuple[str, ...] = running(())  # told the numbers of each epoch: "wandb", "mlflow"

    def __post_init__(self):
        for name in ("epochs", "accumulate", "validate_every", "max_skipped"):
            _require_at_least(self, "train", name, 1)
        for name in (
            "images_per_epoch",
            "minutes",
            "batch_size",
            "nominal_batch",
            "patience",
            "save_minutes",
            "devices",
            "warmup_steps",
            "weight_decay",
            "gradient_clip",
            "ema",
            "backbone_rate",
        ):
            _require_at_least(self, "train", name, 0)
        for name in ("thaw_at", "layer_decay"):
            _require_share(self, "train", name)
        if not self.learning_rate > 0:
            raise ValueError(f"`train.learning_rate` must be above 0. Received: {self.learning_rate!r}")
        _require_one_of(self, "train", "optimizer", ("sgd", "adamw"))
        _require_one_of(self, "train", "freeze_batch_norm", ("auto", "always", "never"))
        _require_one_of(self, "train", "schedule", ("steps", "cosine"))
        _require_one_of(self, "train", "precision", ("float32", "mixed_float16", "mixed_bfloat16"))
        if not set(self.loggers) <= {"wandb", "mlflow"}:
            raise ValueError(f"`train.loggers` must be among wandb, mlflow. Received: {self.loggers!r}")

    @property
    def known_batch_size(self) -> int:
        """`batch_size` as a number. ValueError for "auto", which asks this machine."""
        if self.batch_size == AUTO:
            raise ValueError(
                "`train.batch_size` must be a number here, since `yolact train` alone finds out what "
                "fits into memory. Received: auto"
            )
        return self.batch_size


@dataclass(frozen=True)
class LossConfig:
    """Matching and losses (YOLACT §3.4, §6, released configuration; other losses are off by default)."""

    positive_iou: float = 0.5  # an anchor learns the object that it overlaps by so much
    negative_iou: float = 0.4
    crowd_overlap: float = 0.7
    # Or "giou", of decoded boxes, large and small alike.
    box_loss: str = "smooth_l1"
    box_weight: float = 1.5
    # Or "balanced", the same with rare classes weighing more; or of all anchors, hard ones weighing more:
    # "focal", or "sigmoid_focal", which asks of one class at a time.
    class_loss: str = "ohem"
    class_weight: float = 1.0
    negatives_per_positive: int = 3  # background anchors in "ohem" and "balanced"
    focal_gamma: float = 2.0  # how much less easy anchors weigh
    # What focal losses weigh the presence of an object; its absence: 1 - alpha.
    focal_alpha: float = 0.25
    mask_weight: float = 6.125
    dice_weight: float = 0.0  # of the Dice loss, beside the cross-entropy of masks; 0: none
    masks_per_image: int = 100  # positives an image that the mask losses look at
    semantic_weight: float = 1.0
    mask_iou_weight: float = 25.0
    mask_iou_min_area: float = 25.0  # true masks of no more prototype pixels teach no mask IoU

    def __post_init__(self):
        if not 0 <= self.negative_iou <= self.positive_iou <= 1:
            raise ValueError(
                "`loss.negative_iou` and `loss.positive_iou` must satisfy 0 <= negative <= positive "
                f"<= 1. Received: {self.negative_iou!r}, {self.positive_iou!r}"
            )
        _require_one_of(self, "loss", "box_loss", ("smooth_l1", "giou"))
        _require_one_of(self, "loss", "class_loss", ("ohem", "balanced", "focal", "sigmoid_focal"))
        _require_at_least(self, "loss", "masks_per_image", 1)
        for name in ("focal_gamma", "dice_weight", "mask_iou_min_area"):
            _require_at_least(self, "loss", name, 0)
        _require_share(self, "loss", "focal_alpha")

    @property
    def matching(self) -> dict[str, float]:
        """The thresholds of `match_anchors`."""
        return {name: getattr(self, name) for name in ("positive_iou", "negative_iou", "crowd_overlap")}


@dataclass(frozen=True)
class DetectConfig:
    """From predictions to detections (YOLACT §4.2)."""

    score_threshold: float = 0.05  # an anchor whose best class scores no more is dropped
    nms: str = "fast"  # or "cross_class", or "traditional": greedy, one class at a time
    nms_iou_threshold: float = 0.5
    max_candidates: int = 200  # per class (cross-class: in all) that enter NMS
    max_detections: int = 100  # the original caps cross-class NMS by its candidates alone: 200
    # Of the network, where a run detects: or "bfloat16", for processors with AVX512_BF16 or AMX.
    precision: str = "float32"
    # What of masks is enlarged to the image: "probabilities", cropped before, as the reference does; or
    # "logits", cropped after, for smooth edges.
    mask_upsampling: str = "probabilities"
    disjoint: bool = False  # each pixel is in one mask at most, the best of those that hold it

    def __post_init__(self):
        _require_one_of(self, "detect", "nms", ("fast", "cross_class", "traditional"))
        _require_one_of(self, "detect", "precision", PRECISIONS)
        _require_one_of(self, "detect", "mask_upsampling", ("probabilities", "logits"))
        _require_at_least(self, "detect", "max_candidates", 1)
        _require_at_least(self, "detect", "max_detections", 1)
        for name in ("score_threshold", "nms_iou_threshold"):
            _require_share(self, "detect", name)


@dataclass(frozen=True)
class Config:
    """Everything that `build_*` functions read; tensor code gets plain numbers from it."""

    name: str = "yolact"
    model: ModelConfig = field(default_factory=ModelConfig)
    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    detect: DetectConfig = field(default_factory=DetectConfig)

    @property
    def anchor_settings(self) -> dict[str, Any]:
        """The arguments of `build_anchors`."""
        return {"image_size": self.data.image_size, **dataclasses.asdict(self.anchors)}

    @property
    def score_activation(self) -> str:
        """What makes scores of class logits: "sigmoid" where the loss asks for one class at a time."""
        return "sigmoid" if self.loss.class_loss == "sigmoid_focal" else "softmax"

    def to_json(self) -> str:
        """JSON text that `Config.from_json` reads back as an equal config."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The config written by `to_json`. ValueError for text that is not one."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"A config must be JSON. Received: {error}") from None
        return from_dict(cls, values)


_COARSER_PRECISIONS = {"litert": ("float16", "dynamic_int8", "int8"), "saved_model": ("bfloat16",)}


@dataclass(frozen=True)
class ExportRecipe:
    """One deployable artefact."""

    format: str  # "saved_model", "litert", "onnx" or "openvino"
    precision: str = "float32"  # or "float16", "dynamic_int8", "int8" (LiteRT), "bfloat16" (SavedModel)
    calibration_images: int = 100  # of the training split, which tell int8 the range of activations
    # LiteRT: or "heads", the Predictions, for what runs no top-k; or "explore", which adds prototypes
    outputs: str = "detections"
    max_pixels: int = MAX_PIXELS  # of an encoded image, larger ones are refused undecoded (SavedModel)

    def __post_init__(self):
        _require_one_of(self, "recipe", "format", ("saved_model", "litert", "onnx", "openvino"))
        _require_one_of(self, "recipe", "precision", ("float32", *_COARSER_PRECISIONS.get(self.format, ())))
        _require_at_least(self, "recipe", "calibration_images", 1)
        _require_one_of(self, "recipe", "outputs", ("detections", "explore", "heads"))
        if self.outputs != "detections" and self.format != "litert":
            raise ValueError(f"`recipe.outputs` of {self.outputs!r} is for LiteRT. Received: {self.format!r}")
        _require_at_least(self, "recipe", "max_pixels", 1)

    def require_data(self, data: object) -> None:
        """ValueError where the artefact is made with the help of images and `data` is None."""
        if self.precision == "int8" and data is None:
            raise ValueError(
                "int8 needs images like those it will see, to learn the range of activations: expected "
                "--data DATA, a data folder, such as the one of training. Received none"
            )


def _require_at_least(config, section, name, minimum):
    value = getattr(config, name)
    if not isinstance(value, (int, float)) or value < minimum:
        raise ValueError(f"`{section}.{name}` must be at least {minimum}. Received: {value!r}")


def _require_share(config, section, name):
    value = getattr(config, name)
    if not 0 <= value <= 1:
        raise ValueError(f"`{section}.{name}` must lie in 0..1. Received: {value!r}")


def _require_one_of(config, section, name, choices):
    value = getattr(config, name)
    if value not in choices:
        raise ValueError(f"`{section}.{name}` must be one of {list(choices)}. Received: {value!r}")
