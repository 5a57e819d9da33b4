"""What a data set of two image domains says of itself."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from repertoire.data.facts import CommonFacts, Counts, LeftOut

Domain: TypeAlias = Literal["a", "b"]


class Names(TypedDict):
    """What each domain is called."""

    a: str
    b: str


class Sizes(TypedDict):
    """How many of something each domain has."""

    a: int
    b: int


class Shares(TypedDict):
    """A number from 0 to 1 for each domain."""

    a: float
    b: float


class Facts(CommonFacts):
    """``classifiers`` are for evaluation; without them there is a ``space`` of components."""

    kind: Literal["image_domains"]
    side: int  # pixels
    colours: int  # channels: 1 or 3
    pictures: Counts  # of both domains together
    classes: int  # that both domains share; 0 for none
    names: list[str]  # of the classes
    domains: Names
    paired: bool  # whether the n-th pictures of both show the same in validation and test
    classifiers: NotRequired[str]  # in words
    classifier_valid_accuracies: NotRequired[Shares]
    space: NotRequired[str]  # in words
    components: NotRequired[Sizes]
    share_of_variance: NotRequired[Shares]  # that the components keep
    training_images: NotRequired[Sizes]
    shift: NotRequired[int]  # pixels by which training moves images at most
    mirrored: NotRequired[bool]  # whether training mirrors half of them
    ink: NotRequired[bool]  # whether grey images are drawn dark on paper; so where it is not said
    left_out: NotRequired[LeftOut]
