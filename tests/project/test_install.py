"""The installer: uv where it can reach an index, pip where it cannot; the two are played by scripts that note their words."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
NOTES = '#!/bin/sh\necho "$(basename "$0") $*" >> "$(dirname "$0")/words.txt"\n'


def installed(folder, uv="exit 0", python="exit 0"):
    """Run the installer; return it as ended, and the installations in order, each by its tool and its last word."""
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "install.sh", folder / "tools")
    for name, ending in (("python", python), ("uv", uv)):
        (folder / name).write_text(f"{NOTES}{ending}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    words = ["bash", folder / "tools" / "install.sh", folder / "python"]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    lines = (folder / "words.txt").read_text(encoding="utf-8").splitlines()
    return done, [(line.split()[0], line.split()[-1]) for line in lines if " install " in line]


BY_UV = [("python", "tools/uv.txt"), ("uv", "requirements.lock"), ("uv", ".")]
BY_PIP = [("python", "requirements.lock"), ("python", ".")]


def test_uv_installs_the_locked_dependencies_and_the_package(tmp_path):
    done, installations = installed(tmp_path)
    assert (done.returncode, done.stderr, installations) == (0, "", BY_UV)


def test_pip_installs_where_uv_reaches_no_index(tmp_path):
    done, installations = installed(tmp_path, uv="exit 2")
    assert (done.returncode, installations) == (0, BY_UV[:2] + BY_PIP)
    assert done.stderr == "uv cannot install here; pip installs instead\n"


def test_pip_installs_where_there_is_no_uv_and_what_pip_cannot_install_ends_the_installer(tmp_path):
    done, installations = installed(tmp_path, python='case "$*" in *uv.txt|*requirements.lock) exit 1;; esac')
    assert (done.returncode, installations) == (1, BY_UV[:1] + BY_PIP[:1])
