"""An exported folder onto the hub, with the user's own token, which is only ever read by the hub's own client."""

from __future__ import annotations

from pathlib import Path

from clipforget.errors import BadModel
from clipforget.models.downloads import NAME, failures

LOGIN = "log in with 'hf auth login', or set HF_TOKEN to a token that may write"


def check_name(name: str) -> None:
    """Raise BadModel for what is no name of a repository, before anything is made."""
    if not NAME.fullmatch(name) or len(name) > 96:
        raise BadModel(f"'{name}' is no name on the hub; write your user name and the model's, as in me/my-model.")


def push(folder: Path, name: str) -> str:
    """Upload a folder as a model of that name, made private where it is new, and return its address.

    Raises BadModel where the hub is out of reach or refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    check_name(name)
    kept = f"The folder {folder} is written and stays"
    try:
        api = HfApi()
        api.create_repo(name, private=True, exist_ok=True)
        commit = api.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload a model from ClipForget")
    except LocalTokenNotFoundError as error:
        raise BadModel(f"The hub needs to know who you are: {LOGIN}. {kept}.") from error
    except OfflineModeIsEnabled as error:
        raise BadModel(f"Nothing is sent while HF_HUB_OFFLINE is set; unset it and push again. {kept}.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if status == 401:
            raise BadModel(f"The hub does not know this token: {LOGIN}. {kept}.") from error
        if status in (403, 404):
            raise BadModel(f"The hub does not let you write to {name}: {LOGIN}. {kept}.") from error
        raise BadModel(f"The hub refused {name} ({_line(error)}). {kept}.") from error
    except failures() as error:
        raise BadModel(f"The hub is out of reach ({_line(error)}); push again when you are online. {kept}.") from error
    return str(commit.repo_url)


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:160].rstrip(". ")
