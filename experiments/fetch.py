"""Download LFW, its verification pairs and the recognisers, verified, into the data folder."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import data_dir
from gan_inversion.data.download import fetch, remotes


@dataclass(frozen=True)
class Options:
    """Download what is missing of LFW, pairs and recognisers (246 MB); interrupted, it resumes."""

    data: Path | None = None
    """Folder to download to. Default: the variable GAN_INVERSION_DATA, else one in your home."""


def run_all(options: Options) -> None:
    """Fetch every file that is not there yet."""
    folder = options.data or data_dir()
    fetched = [fetch(remote, folder) for remote in progress(remotes(), desc="data", unit="file")]
    print(f"{folder}: {sum(fetched)} files downloaded, {len(fetched)} in place")


if __name__ == "__main__":
    main(Options, run_all)
