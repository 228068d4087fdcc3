"""What a model's run says of the data that it is shown."""

from pathlib import Path

from yolact_tf.config import Config, DataConfig


def data_settings(model: Path) -> DataConfig:
    """What the run at `model` does with corrupt data; the defaults for what is no run, which does not say."""
    config = model / "config.json"
    return Config.from_json(config.read_text(encoding="utf-8")).data if config.is_file() else DataConfig()
