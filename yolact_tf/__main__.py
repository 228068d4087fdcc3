"""`python -m yolact_tf` is `yolact`."""

from yolact_tf.cli import main

main()
