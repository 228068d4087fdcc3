"""SavedModel for TF Serving: JPEG bytes in, COCO RLE out; also PNG masks, tensors and raw heads."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="saved_model")
