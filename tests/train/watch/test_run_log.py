import math

from yolact_tf.train.watch.run_log import LogEpochs, cut_log, read_log


def test_columns_are_numbers_an_epoch(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss,val_mask_AP\n0,2.5,nan\n1,1.5,0.25\n")
    columns = read_log(log)
    assert columns["epoch"] == [0, 1] and columns["loss"] == [2.5, 1.5]
    assert math.isnan(columns["val_mask_AP"][0]) and columns["val_mask_AP"][1] == 0.25


def test_an_epoch_trained_again_counts_once(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss\n0,3\n1,2\n2,9\n1,1\n2,NA\n")
    columns = read_log(log)
    assert columns["epoch"] == [0, 1, 2] and columns["loss"][:2] == [3, 1]
    assert math.isnan(columns["loss"][2])


def test_no_log_yet(tmp_path):
    assert read_log(tmp_path / "log.csv") == {}
    (tmp_path / "log.csv").write_text("epoch,loss\n")
    assert read_log(tmp_path / "log.csv") == {}


def test_a_log_is_cut_before_an_epoch(tmp_path):
    log = tmp_path / "log.csv"
    cut_log(log, 3)  # no log yet
    assert not log.exists()
    log.write_text("epoch,loss\n0,3.5\n1,2.5\n2,1.5\n3,")
    cut_log(log, 2)
    assert log.read_text() == "epoch,loss\n0,3.5\n1,2.5\n"
    cut_log(log, 2)
    assert read_log(log) == {"epoch": [0, 1], "loss": [3.5, 2.5]}


def test_epochs_are_logged_in_columns_by_name_also_when_training_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    for epochs in ((0, 1), (2,)):
        log = LogEpochs(path)
        for epoch in epochs:
            log.on_epoch_end(epoch, {"val_mask_AP": math.nan, "loss": 2.5 - epoch})
    assert path.read_text() == "epoch,loss,val_mask_AP\n0,2.5,nan\n1,1.5,nan\n2,0.5,nan\n"
