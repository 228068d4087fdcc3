"""A run -> its model card, and a repository of the Hugging Face hub that it is pushed to and pulled from."""

from yolact_tf.share.card import card_text, num_asked, write_card
from yolact_tf.share.facts import AuthorFacts
from yolact_tf.share.hub import Pushed, pull, push

__all__ = ["AuthorFacts", "Pushed", "card_text", "num_asked", "pull", "push", "write_card"]
