"""`yolact card`, `push` and `pull` as a user runs them."""

import os
import signal
import subprocess
import sys

import pytest

from tests.in_process import in_process


def test_a_card(run, capsys, monkeypatch):
    code, out, _ = in_process(
        capsys, monkeypatch, "card", run, "--license", "mit", "--repository", "ann/deer"
    )
    assert code == 0 and out.splitlines()[0] == str(run / "README.md")
    assert "2 lines ask for what only you know" in out
    assert "The weights: mit." in (run / "README.md").read_text()
    code, _, err = in_process(capsys, monkeypatch, "card", run)
    assert code == 2 and "Expected no file there, or --overwrite" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["card", "nowhere"], "Expected a run folder, with config.json. Received: 'nowhere'"),
        (["card", "nowhere", "--license", "Mine!"], "A licence must be named as the hub names it"),
        (["card", "nowhere", "--repository", "deer"], "A repository must read USER/NAME. Received: 'deer'"),
        (["push", "nowhere", "ann/deer"], "Expected a run folder, with config.json. Received: 'nowhere'"),
        (["push", "nowhere", "deer"], "A repository must read USER/NAME. Received: 'deer'"),
        (
            ["pull", "ann/deer", "--run", "taken"],
            "--run must be a new folder. Received: 'taken', which exists",
        ),
        (["pull", "ann/none", "--run", "new"], "ann/none: no such repository at http://127.0.0.1:"),
        (["pull", "ann/deer"], "Missing option '--run'"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(arguments, message, hub, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_bytes(b"a file")
    code, out, err = in_process(capsys, monkeypatch, *arguments)
    assert (code, out) == (2, "")
    assert message in err and len(err.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("arguments", [["push", "run", "ann/deer"], ["pull", "ann/deer", "--run", "new"]])
def test_a_missing_package_is_said_with_its_command(arguments, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    code, out, err = in_process(capsys, monkeypatch, *arguments)
    assert (code, out) == (2, "")
    assert "pip install 'yolact_tf[huggingface]'" in err and len(err.strip().splitlines()) == 1


@pytest.mark.whole
def test_a_pull_that_is_interrupted_leaves_nothing(hub, packed, tmp_path):
    hub.add("ann/deer", packed)
    variables = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(tmp_path / "home"),
    }
    hub.hold = "GET .*weights.*"
    command = [sys.executable, "-m", "yolact_tf", "pull", "ann/deer", "--run", str(tmp_path / "new" / "run")]
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True
    ) as pulling:
        assert hub.held.wait(120)
        assert len(list((tmp_path / "new").iterdir())) == 1  # what is being filled
        pulling.send_signal(signal.SIGINT)
        hub.release.set()
        err = pulling.communicate(timeout=120)[1]
    assert pulling.returncode == 130 and err.strip().splitlines()[-1] == "yolact: interrupted"
    assert not list((tmp_path / "new").iterdir())
