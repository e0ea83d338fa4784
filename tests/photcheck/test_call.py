"""What comes back of a call, beside its value."""

from __future__ import annotations

from photcheck.call import call


def stops(path):
    raise OSError(f"File {path} already exists.")


def test_an_error_names_no_folder_that_is_another_one_each_time(tmp_path):
    report = call(stops, [{"$": "outfile", "name": "sum of frames.fit"}], ["path"], folder=str(tmp_path))
    assert report["error"]["message"] == "File sum of frames.fit already exists."
