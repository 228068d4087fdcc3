"""What a model's run says of the data that it is shown."""

from pathlib import Path

from yolact_tf.config import DataConfig


def data_settings(model: Path) -> DataConfig:
    """What the run at `model` does with corrupt data; the defaults for what is no run, which does not say."""
    from yolact_tf.runs import config_of, is_run

    return config_of(model).data if is_run(model) else DataConfig()
