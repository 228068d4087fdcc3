"""The end of a training whose losses stay infinite or NaN."""

import keras

from yolact_tf.train.optimizer import count_steps


class NonFiniteLoss(ArithmeticError):
    """A loss was infinite or NaN for too many steps in a row."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training after `limit` steps in a row whose loss was not finite, naming the loss and the step."""

    def __init__(self, limit: int):
        super().__init__()
        self.limit = limit
        self._skipped, self._in_a_row = 0.0, 0

    def on_epoch_begin(self, epoch, logs=None):
        # Of an epoch that is taken up again some may be known.
        self._skipped = sum(float(m.result()) for m in self.model.metrics if m.name == "skipped_steps")

    def on_train_batch_end(self, batch, logs=None):
        skipped = float(logs["skipped_steps"])
        self._in_a_row = self._in_a_row + 1 if skipped > self._skipped else 0
        self._skipped = skipped
        if self._in_a_row >= self.limit:
            culprit = self._culprit()
            step = count_steps(self.model.optimizer)
            raise NonFiniteLoss(
                f"`{culprit}` must stay finite. Received: NaN or infinity for {self._in_a_row} steps in "
                f"a row after step {step}; none was applied. A lower train.learning_rate may help"
            )

    def _culprit(self):
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        failing = [m.name for m in self.model.metrics if getattr(m, "failures", 0) > 0]
        # Parts come before their sum, so that the culprit is named.
        return min(failing, key=lambda name: name == "loss", default="loss")
