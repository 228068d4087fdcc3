"""A batch job of one's own on Apache Beam: what is found in many images, and how often each class is.

    python examples/batch_job.py exported/mine 'photos/images/*.jpg' results

results.jsonl has a line an image, results.txt a line a class. Needs the extra `beam`; what else is given is
Beam's, such as --runner DataflowRunner. For COCO results alone there is `yolact batch`.
"""

import argparse
import json

import apache_beam as beam
from apache_beam.io import fileio
from apache_beam.options.pipeline_options import PipelineOptions

LOCAL = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"  # Beam's default downloads a program


class Detect(beam.DoFn):
    """A file -> its path and what is found in it, or why nothing can be."""

    def __init__(self, model, least):
        self.model, self.least = model, least

    def setup(self):  # once in each process
        import yolact_tf

        self.detector = yolact_tf.Detector.from_artefact(self.model)

    def process(self, file):
        path = file.metadata.path
        try:
            found = self.detector(file.read()).above(self.least)
        except ValueError as error:  # no image: the job goes on
            yield {"path": path, "error": str(error)}
            return
        yield {"path": path, "objects": json.loads(found.to_json())}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("model", help="what `yolact export` wrote")
    arguments.add_argument("images", help="a glob in quotes, also such as 'gs://bucket/*.jpg'")
    arguments.add_argument("output", help="to which .jsonl and .txt are added")
    arguments.add_argument("--least", type=float, default=0.3, help="score from which on an object counts")
    arguments.add_argument("--runner", default=LOCAL)
    options, of_beam = arguments.parse_known_args()

    # The main session is this file: processes elsewhere have it from there.
    of_beam = PipelineOptions(of_beam, save_main_session=True)
    with beam.Pipeline(runner=options.runner, options=of_beam) as pipeline:
        found = (
            pipeline
            | fileio.MatchFiles(options.images)
            | fileio.ReadMatches()
            | beam.Reshuffle()  # so that several processes share the images
            | beam.ParDo(Detect(options.model, options.least))
        )
        lines = found | beam.Map(json.dumps)
        lines | "Write found" >> beam.io.WriteToText(options.output, ".jsonl", shard_name_template="")
        counts = (
            found
            | beam.FlatMap(lambda image: [row["class"] for row in image.get("objects", ())])
            | beam.combiners.Count.PerElement()
            | beam.MapTuple(lambda name, count: f"{name} {count}")
        )
        counts | "Write counts" >> beam.io.WriteToText(options.output, ".txt", shard_name_template="")


if __name__ == "__main__":
    main()
