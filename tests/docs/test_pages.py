"""Every command and every snippet of the documentation is run, page by page, in a folder as readers have it.

Trainings are cut to a few steps, and the model that the tutorial goes on with is one that finds something.
"""

import contextlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.docs.pages import PAGES, ROOT, blocks_of, name_of
from tests.in_process import in_process
from tests.served import free_port, server
from yolact_tf.cli.commands import app

WITH_CODE = [page for page in PAGES if any(block.runs for block in blocks_of(page))]
FEW_STEPS = ("train.epochs=1", "train.images_per_epoch=8", "train.batch_size=4", "train.validate_every=1")


@pytest.fixture
def world(shapes_data, shapes_run, saved_model, litert_file, tmp_path, monkeypatch):
    """The folder in which a reader of the pages works."""
    shutil.copytree(shapes_data, tmp_path / "photos")
    shutil.copytree(tmp_path / "photos", tmp_path / "unsplit")
    (tmp_path / "unsplit" / "val.json").unlink()
    (tmp_path / "DATA").symlink_to(tmp_path / "photos")  # where any folder will do
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    (tmp_path / "runs" / "demo" / "shapes").symlink_to(tmp_path / "photos")
    shutil.copy(next(shapes_data.glob("images/val_*.jpg")), tmp_path / "photo.jpg")
    shutil.copytree(shapes_run, tmp_path / "runs" / "mine")
    shutil.copytree(saved_model, tmp_path / "exported" / "mine")
    shutil.copy(litert_file, tmp_path / "exported" / "mine.tflite")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.whole
@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_its_code_runs_as_written(page, world, small_settings, shapes_run, capsys, monkeypatch):
    if page.stem in ("README", "tutorial"):  # where these come about
        shutil.rmtree(world / "runs" / "mine")
        shutil.rmtree(world / "exported")
    if page.stem == "tutorial":
        (world / "photos" / "val.json").unlink()
    port = free_port()
    names = {}
    with contextlib.ExitStack() as servers:
        for block in filter(lambda block: block.runs, blocks_of(page)):
            if "needs: video" in block.comment:
                pytest.importorskip("av")
                if not (world / "clip.mp4").exists():
                    draw_clip(world / "clip.mp4")
            code = block.code.replace(":8501", f":{port}")
            if block.comment == "starts a server":
                servers.enter_context(server([*shlex.split(code), "--port", str(port)], port))
            elif block.language == "python":
                exec(smaller(code, small_settings), names)
            else:
                for line in code.splitlines():
                    run_line(line, world, small_settings, shapes_run, capsys, monkeypatch)
    for name in written_by(page):
        assert (world / name).exists(), name


def run_line(line, world, small_settings, shapes_run, capsys, monkeypatch):
    """Runs a line of a shell, `yolact` without a process of its own."""
    if not line.startswith("yolact "):
        line = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", line)
        subprocess.run(line, shell=True, check=True, timeout=300)
        return
    arguments = shlex.split(line)[1:]
    if arguments[0] == "train":
        arguments = shortened(arguments, small_settings)
    if "train.devices=2" in arguments:  # a process has its devices from the start
        subprocess.run([sys.executable, "-m", "yolact_tf", *arguments], check=True, timeout=300)
    else:
        code, out, err = in_process(capsys, monkeypatch, *arguments)
        assert code == 0, f"{line}\n{out}\n{err}"
    run = world / "runs" / "mine"
    if arguments[0] == "train" and arguments[arguments.index("--run") + 1] == "runs/mine":
        assert (run / "weights" / "last.weights.h5").is_file()
        shutil.rmtree(run)
        shutil.copytree(shapes_run, run)


def smaller(script, small_settings):
    """The same script, whose network is smaller where it builds one, and learns for a few steps."""
    settings = ", ".join(map(repr, (*FEW_STEPS, *small_settings)))
    script, count = re.subn(r"(load_config\(\"\w+\", \[)", rf"\1{settings}, ", script)
    assert count == script.count("load_config(")
    return script


def shortened(arguments, small_settings):
    """The same training of a smaller network for a few steps."""
    if "--time" in arguments:
        place = arguments.index("--time")
        del arguments[place : place + 2]
    settings = [*FEW_STEPS]
    chosen = arguments[1].startswith("--")  # no recipe: image size and anchors are fitted to the data
    settings += [s for s in small_settings if not chosen or not s.startswith(("anchors", "data.max"))]
    return [*arguments, *(part for setting in settings for part in ("--set", setting))]


def written_by(page):
    """What the commands of a page say that they write."""
    found = []
    for block in filter(lambda block: block.runs and block.language == "sh", blocks_of(page)):
        found += re.findall(r"--(?:output|run|report|fix) (\S+)", block.code)
    return found


def draw_clip(path):
    from yolact_tf.data.synthetic.videos import make_shapes_video

    make_shapes_video(path.with_suffix(""), frames=6, image_size=128, objects=3)
    shutil.move(next(path.with_suffix("").glob("*.mp4")), path)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_not_run_says_why(page):
    for block in blocks_of(page):
        assert block.language in ("sh", "python", "text", "kotlin")
        if not block.runs and block.language in ("sh", "python"):
            assert len(block.comment) > len("not run: ") + 10
        if block.language == "kotlin":
            assert "not compiled" in page.read_text(encoding="utf-8")


def test_options_of_commands_in_the_text_exist():
    """`--option`s that stand beside a command in one piece of code."""
    from typer.main import get_command

    commands = get_command(app)
    checked = 0
    for page in PAGES:
        for code in re.findall(r"`(yolact [^`\n]+)`", page.read_text(encoding="utf-8")):
            words = code.split()[1:]
            command = commands.commands.get(words[0])
            assert command, code
            if hasattr(command, "commands") and len(words) > 1:
                command = command.commands.get(words[1])
                assert command, code
            known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
            for option in (word for word in words if word.startswith("--")):
                checked += 1
                assert option.partition("=")[0].rstrip(",") in known | {"--help"}, code
    assert checked > 10


def test_fields_in_the_text_exist():
    from yolact_tf.config import Config
    from yolact_tf.fields import field_paths

    known = set(field_paths(Config))
    # `model` is a variable as well.
    sections = "|".join({path.partition(".")[0] for path in known if "." in path} - {"model"})
    checked = 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for field in re.findall(rf"[`\s]((?:{sections})\.[a-z_]+)(?=[=`,; ])", text):
            if field.endswith((".json", ".py", ".yaml")):
                continue
            checked += 1
            assert field in known or (ROOT / field).exists(), f"{page}: {field}"
    assert checked > 40
