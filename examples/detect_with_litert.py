"""Detects with a `.tflite` of `yolact export`: LiteRT alone, nothing of yolact_tf.

    python examples/detect_with_litert.py exported/mine.tflite photo.jpg answer.png
    python examples/detect_with_litert.py exported/mine.tflite photo.jpg answer.png --gpu

The file is a zip as well, whose labels.txt names the classes.
"""

import argparse
import zipfile

import numpy as np
from PIL import Image, ImageOps


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("photo")
    arguments.add_argument("output", help="PNG with a colour an object")
    arguments.add_argument("--gpu", action="store_true")
    arguments.add_argument("--least", type=float, default=0.3, help="score from which on an object is shown")
    options = arguments.parse_args()

    with zipfile.ZipFile(options.model) as extras:
        names = extras.read("labels.txt").decode().splitlines()
    photo = ImageOps.exif_transpose(Image.open(options.photo)).convert("RGB")
    found = (on_gpu if options.gpu else on_cpu)(options.model, photo)

    pixels = np.array(photo)
    colors = np.random.default_rng(0).integers(64, 256, (len(found["scores"][0]), 3))
    for i in range(found["num_detections"][0]):
        if found["scores"][0, i] < options.least:
            continue
        box = found["boxes"][0, i] * [*photo.size, *photo.size]
        print(f"{names[found['classes'][0, i]]} {found['scores'][0, i]:.2f} {box.round().astype(int)}")
        mask = np.array(Image.fromarray(found["masks"][0, i]).resize(photo.size, Image.Resampling.BILINEAR))
        pixels[mask > 0.5] = (pixels[mask > 0.5] + colors[i]) // 2
    Image.fromarray(pixels).save(options.output)


def on_cpu(model, photo):
    from ai_edge_litert.interpreter import Interpreter

    detect = Interpreter(model).get_signature_runner()
    size = detect.get_input_details()["image"]["shape"][1]
    return detect(image=as_input(photo, size))


def on_gpu(model, photo):
    from ai_edge_litert.compiled_model import CompiledModel, GpuOptions, HardwareAccelerator, Options

    signature = "serving_default"
    options = Options(hardware_accelerators=HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=True))
    compiled = CompiledModel.from_file(model, options=options)
    size = compiled.get_input_tensor_details(signature)["image"]["shape"][1]
    image = compiled.create_input_buffer_by_name(signature, "image")
    image.write(as_input(photo, size).ravel())
    details = compiled.get_output_tensor_details(signature)
    buffers = {name: compiled.create_output_buffer_by_name(signature, name) for name in details}
    compiled.run_by_name(signature, {"image": image}, buffers)
    found = {}
    for name, buffer in buffers.items():
        shape = [int(length) for length in details[name]["shape"]]
        values = buffer.read(int(np.prod(shape)), np.dtype(details[name]["dtype"]).type)
        found[name] = np.array(values).reshape(shape)
    return found


def as_input(photo, size):
    """[1, size, size, 3] float32 of 0 to 255."""
    return np.asarray(photo.resize((size, size), Image.Resampling.BILINEAR), np.float32)[None]


if __name__ == "__main__":
    main()
