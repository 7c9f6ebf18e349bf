import collections

from keras_seg.data.published_dataset import (
    PublishedDataset,
    list_files,
    require_folders,
    require_split,
)
from keras_seg.data.shorten import shorten
from keras_seg.data.street_classes import CATEGORIES, COLORS, LABEL_IDS, NAMES
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike

_ALL_IDS = range(34)  # in the label files; those outside the 19 classes are ignored
# Number of images of each city, and of "train_extra" as a whole.
_CITIES = {
    "train": {
        "aachen": 174,
        "bochum": 96,
        "bremen": 316,
        "cologne": 154,
        "darmstadt": 85,
        "dusseldorf": 221,
        "erfurt": 109,
        "hamburg": 248,
        "hanover": 196,
        "jena": 119,
        "krefeld": 99,
        "monchengladbach": 94,
        "strasbourg": 365,
        "stuttgart": 196,
        "tubingen": 144,
        "ulm": 95,
        "weimar": 142,
        "zurich": 122,
    },
    "val": {"frankfurt": 267, "lindau": 59, "munster": 174},
    "test": {
        "berlin": 544,
        "bielefeld": 181,
        "bonn": 46,
        "leverkusen": 58,
        "mainz": 298,
        "munich": 398,
    },
}
_EXTRA_IMAGES = 19998
_SPLITS = {
    "fine": ("train", "val", "test"),
    "coarse": ("train", "val", "train_extra"),
}


class Cityscapes(PublishedDataset):
    """Cityscapes: streets of 50 cities, 2048x1024, in 19 classes.

    The classes are the train ids of the official label table; all other ids in the
    label files become 255. Expected layout, as unpacked from the archives; only the
    folders of the split need to exist:

        data_dir/
          leftImg8bit/{train,val,test,train_extra}/aachen/..._leftImg8bit.png
          gtFine/{train,val}/aachen/..._gtFine_labelIds.png
          gtCoarse/{train,val,train_extra}/aachen/..._gtCoarse_labelIds.png

    The splits have 2975 training, 500 validation and 1525 test images; the 19998 images
    of "train_extra" have coarse annotations only. The labels of the test split are not
    public: here they consist of 255 alone and are ignored.

    Args:
        data_dir: str or path. The folder that holds `leftImg8bit`.
        split: `"train"`, `"val"`, `"test"` or, with coarse annotations,
            `"train_extra"`.
        annotations: `"fine"` or `"coarse"`.
        complete: bool. Whether to require all images of the split. With False, a part
            of the split is enough, in which each image must still have its label.

    Attributes:
        categories: tuple of str, the official category of each class, for
            `keras_seg.metrics.measures.merge_classes`.

    Raises:
        ValueError: If an argument is unknown or files are missing; see also
            `PublishedDataset`.
        FileNotFoundError: If a folder is missing.

    Example:
        `image, label = Cityscapes("cityscapes", "val")[0]` returns uint8 arrays
        `(1024, 2048, 3)` and `(1024, 2048)`.

    References:
        - [Cordts et al., 2016](https://arxiv.org/abs/1604.01685)
        - [Label table](https://github.com/mcordts/cityscapesScripts)
    """

    def __init__(
        self,
        data_dir: PathLike,
        split: str = "train",
        annotations: str = "fine",
        complete: bool = True,
    ) -> None:
        if annotations not in _SPLITS:
            raise ValueError(
                f'`annotations` must be "fine" or "coarse". Received: {annotations=}'
            )
        require_split(split, _SPLITS[annotations])
        kind = {"fine": "gtFine", "coarse": "gtCoarse"}[annotations]
        source = _source(split, annotations)
        folders = [f"leftImg8bit/{split}"]
        if split != "test":
            folders.append(f"{kind}/{split}")
        require_folders(data_dir, folders, source)
        images = list_files(as_path(data_dir) / folders[0], "*/*_leftImg8bit.png")
        labels = None
        if split != "test":
            pattern = f"*/*_{kind}_labelIds.png"
            labels = list_files(as_path(data_dir) / folders[1], pattern)
        cities = _CITIES.get(split, {})
        label_map = {
            **dict.fromkeys(_ALL_IDS, 255),
            **{label_id: index for index, label_id in enumerate(LABEL_IDS)},
        }
        super().__init__(
            f"The {split} split of Cityscapes",
            images,
            labels,
            source,
            NAMES,
            COLORS,
            label_map,
            count=(sum(cities.values()) or _EXTRA_IMAGES) if complete else None,
            problems=_cities_short_of_images(images, cities) if complete else (),
            submission_values=LABEL_IDS,
        )
        self.categories = CATEGORIES

    def submission_name(self, index: int) -> str:
        """Returns `<city>_<sequence>_<frame>.png`; the server accepts any folder."""
        return self.image_paths[index].name.replace("_leftImg8bit", "")


def _source(split, annotations):
    images = "trainextra" if split == "train_extra" else "trainvaltest"
    labels = {"fine": "gtFine_trainvaltest", "coarse": "gtCoarse"}[annotations]
    return (
        f"Get leftImg8bit_{images}.zip and {labels}.zip from "
        "https://www.cityscapes-dataset.com/downloads, which asks for a login and for "
        "consent to its license."
    )


def _cities_short_of_images(images, cities):
    """Lists the cities that lack images, as text; the list is empty if none does."""
    found = collections.Counter(path.parent.name for path in images.values())
    short = [
        f"{city} has {found[city]} of {count}"
        for city, count in cities.items()
        if found[city] != count
    ]
    return [shorten(short)] if short else []
