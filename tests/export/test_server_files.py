"""What TF Serving is started with: what is there stays, and all of it is used."""

import os
import re
from pathlib import Path

import pytest
import yaml

from yolact_tf.export.server_files import write_server_files
from yolact_tf.model_folder import find_versions

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/serving"
FILES = ("models.config", "batching.config", "monitoring.config", "docker_run.sh")


@pytest.fixture
def folder(tmp_path):
    """Two exports, somebody else's model, and data."""
    for name in ("a", 'b "c"', "foreign"):
        (tmp_path / name / "1" / "assets").mkdir(parents=True)
        (tmp_path / name / "1" / "saved_model.pb").write_bytes(b"")
        if name != "foreign":
            (tmp_path / name / "1" / "assets" / "labels.json").write_text("{}")
    (tmp_path / "data").mkdir()
    return tmp_path


def base_paths(folder):
    return re.findall(r'base_path: "(.*)"', (folder / "models.config").read_text())


def test_all_exported_models_are_listed_once(folder):
    write_server_files(folder)
    assert base_paths(folder) == ["/models/a", r"/models/b \"c\""]
    before = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert set(before) == {"models.config", "batching.config", "monitoring.config", "docker_run.sh"}
    assert before["models.config"].count("{") == before["models.config"].count("}") == 3
    assert os.access(folder / "docker_run.sh", os.X_OK)
    write_server_files(folder)
    assert {path.name: path.read_text() for path in folder.iterdir() if path.is_file()} == before


def test_folders_of_other_users_are_none_of_ours(folder, monkeypatch):
    def find(path):  # patched, since nothing is closed to root
        if path.name == "foreign":
            raise PermissionError(13, "Permission denied", str(path))
        return find_versions(path)

    monkeypatch.setattr("yolact_tf.export.server_files.find_versions", find)
    write_server_files(folder)
    assert base_paths(folder) == ["/models/a", r"/models/b \"c\""]


def test_entries_and_policies_of_the_user_stay(folder, caplog):
    write_server_files(folder)
    config = folder / "models.config"
    own = '  config { name: "new" base_path: "/elsewhere/new" }\n  # base_path: "/models/late"\n}'
    config.write_text(config.read_text().rstrip().removesuffix("}") + own)
    (folder / "a").rename(folder / "new")  # listed by the user, at another path
    (folder / 'b "c"').rename(folder / "late")
    write_server_files(folder)
    text = config.read_text()
    assert own.removesuffix("}") in text and text.endswith("}")
    assert base_paths(folder).count("/models/late") == 2 and text.count('name: "new"') == 1
    assert not caplog.records


def test_folders_by_their_names_are_left_alone_with_a_line_each(folder, caplog):
    for name in FILES:
        (folder / name).mkdir()
    write_server_files(folder)
    assert len(caplog.records) == len(FILES) and all("left alone" in r.getMessage() for r in caplog.records)


def test_files_of_others_are_left_alone_with_a_line_each(folder, caplog):
    for name in FILES:
        (folder / name).write_text("model_config_list {}\n")
    write_server_files(folder)
    assert {path.read_text() for path in folder.iterdir() if path.is_file()} == {"model_config_list {}\n"}
    assert not os.access(folder / "docker_run.sh", os.X_OK)
    models, batching, monitoring, script = [record.getMessage() for record in caplog.records]
    assert 'models.config is not ours and was left alone; it lacks a, b "c"' in models
    assert "batching.config" in batching and "monitoring.config" in monitoring and "docker_run.sh" in script


def flags_of(text):
    """{flag: value} of the server in a command line."""
    return dict(flag.partition("=")[::2] for flag in re.findall(r"--([a-z_]+(?:=[^\s\\]+)?)", text))


def test_the_command_uses_every_file(folder):
    write_server_files(folder)
    command = (folder / "docker_run.sh").read_text().replace("--rm", "")
    assert flags_of(command) == {
        "model_config_file": "/models/models.config",
        "enable_batching": "",
        "batching_parameters_file": "/models/batching.config",
        "monitoring_config_file": "/models/monitoring.config",
    }
    assert '-v "$PWD:/models" tensorflow/serving:2.20.0' in command
    batching = (folder / "batching.config").read_text()
    fields = ["max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"]
    assert re.findall(r"^(\w+) \{ value: \d+ \}$", batching, re.MULTILINE) == fields


def test_the_server_reads_its_models(folder):
    configs = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    from google.protobuf import text_format

    write_server_files(folder)
    read = text_format.Parse((folder / "models.config").read_text(), configs.ModelServerConfig())
    assert [(c.name, c.base_path, c.model_platform) for c in read.model_config_list.config] == [
        ("a", "/models/a", "tensorflow"),
        ('b "c"', '/models/b "c"', "tensorflow"),
    ]


def test_the_kubernetes_example_runs_what_docker_does(folder):
    write_server_files(folder)
    deployment, service = yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text())
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    assert (service["apiVersion"], service["kind"]) == ("v1", "Service")
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert service["spec"]["selector"] == pod["metadata"]["labels"]
    (container,) = pod["spec"]["containers"]
    command = (folder / "docker_run.sh").read_text().replace("--rm", "")
    assert container["image"] in command and flags_of(" ".join(container["args"])) == flags_of(command)
    (mount,), (volume,) = container["volumeMounts"], pod["spec"]["volumes"]
    assert mount["mountPath"] == "/models" and mount["name"] == volume["name"]
    (port,), (offered,) = container["ports"], service["spec"]["ports"]
    assert port["containerPort"] == 8501 and offered["targetPort"] == port["name"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/v1/models/yolact", "port": port["name"]}
    scraped = pod["metadata"]["annotations"]
    assert scraped["prometheus.io/port"] == "8501"
    assert f'path: "{scraped["prometheus.io/path"]}"' in (folder / "monitoring.config").read_text()


def test_the_kserve_example_names_a_model_of_tensorflow():
    service = yaml.safe_load((EXAMPLES / "kserve.yaml").read_text())
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    model = service["spec"]["predictor"]["model"]
    assert set(model) == {"modelFormat", "protocolVersion", "runtimeVersion", "storageUri", "resources"}
    assert model["modelFormat"] == {"name": "tensorflow"} and model["protocolVersion"] == "v1"
    assert model["storageUri"].endswith("/" + service["metadata"]["name"])
