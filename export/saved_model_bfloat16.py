"""The SavedModel of `saved_model` whose network computes in bfloat16.

For servers whose processors have AVX512_BF16 or AMX, or a GPU: there it takes about half of the time. On
processors with AVX-512 alone it takes 2.5 times as long as float32, and on older ones TensorFlow refuses it.
"""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="saved_model", precision="bfloat16")
