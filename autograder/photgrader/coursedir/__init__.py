"""A course on disk: folder, settings, files, records, signatures, deadlines."""

from photgrader.coursedir.files import CourseError, as_before, write_atomically, write_output
from photgrader.coursedir.folder import (
    find_root,
    is_python,
    key,
    notebooks,
    released,
    require_python_notebook,
    settings,
    settings_override,
    skeleton,
    state_folder,
    submitted,
)
from photgrader.coursedir.record import CaseRecord, ExerciseRecord, NotARecord, Record
from photgrader.coursedir.records import (
    Untrusted,
    read_each,
    read_record,
    read_records,
    record_path,
    record_paths,
    student_record,
    untrusted,
    write_record,
)

__all__ = [
    "CourseError",
    "Untrusted",
    "as_before",
    "untrusted",
    "find_root",
    "is_python",
    "key",
    "notebooks",
    "read_each",
    "read_record",
    "read_records",
    "record_path",
    "record_paths",
    "released",
    "require_python_notebook",
    "settings",
    "settings_override",
    "skeleton",
    "student_record",
    "state_folder",
    "submitted",
    "write_atomically",
    "write_output",
    "write_record",
    "CaseRecord",
    "ExerciseRecord",
    "NotARecord",
    "Record",
]
