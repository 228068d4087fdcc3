"""Records to TFRecord shards and back, in the schema of the TensorFlow Model Garden."""
