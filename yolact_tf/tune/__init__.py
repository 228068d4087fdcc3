"""Recipe + data + time -> the best recipe that many short trainings find."""

from yolact_tf.tune.budget import Budget, budget
from yolact_tf.tune.search import Found, tune
from yolact_tf.tune.space import default_space, parse_space

__all__ = ["Budget", "Found", "budget", "default_space", "parse_space", "tune"]
