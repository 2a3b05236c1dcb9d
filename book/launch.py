"""Links to the repository, and buttons that open a notebook on Binder or Colab.

The address of the repository stands in no file. Where the pages are published, GitHub's workflow
gives it in two environment variables; a build elsewhere has no such buttons.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def add_buttons(config: Path, environment: Mapping[str, str]) -> None:
    """Write the repository and the launch buttons into a staged ``_config.yml``.

    Parameters
    ----------
    config : Path
        The staged file, changed in place.
    environment : mapping
        Read for ``GITHUB_SERVER_URL`` and ``GITHUB_REPOSITORY``; without them nothing changes.
    """
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY")
    server, repository = (environment.get(name, "") for name in names)
    if not (server and repository):
        return
    settings: dict[str, Any] = yaml.safe_load(config.read_text("utf-8"))
    settings["sphinx"]["config"]["html_theme_options"] |= {
        "repository_url": f"{server}/{repository}",
        "repository_branch": "main",
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }
    config.write_text(yaml.safe_dump(settings), "utf-8")
