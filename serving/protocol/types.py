"""What the endpoints of the server take and answer, as types and as JSON Schema.

Fields are those of the Open Inference Protocol, version 2, and of its extensions.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from serving.protocol.datatypes import AXES, DATATYPES

Names = list[str]
Sizes = Annotated[list[int], "of the axes; -1 is free"]
Datatype = Annotated[str, "such as INT64 or FP32"]


class Error(TypedDict):
    """What every endpoint answers when it does not answer."""

    error: Annotated[str, "one line that names the thing and the remedy"]


class Server(TypedDict):
    name: str
    version: str
    extensions: Annotated[Names, "of the protocol"]


class Live(TypedDict):
    live: bool


class Ready(TypedDict):
    ready: bool
    problems: Annotated[dict[str, str], "why models cannot be served as they are, by their names"]
    registry: NotRequired[Annotated[str, "why the registry is not followed for the moment"]]


class Listed(TypedDict):
    models: Annotated[Names, "the names that infer takes"]


class Tensor(TypedDict):
    name: str
    datatype: Datatype
    shape: Sizes


class Metadata(TypedDict):
    name: str
    versions: Names
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    graphs: NotRequired[Annotated[Names, "of a model with several: the names that infer takes"]]


class ModelReady(TypedDict):
    name: str
    ready: bool


class ConfiguredPort(TypedDict):
    name: str
    data_type: Annotated[str, "such as TYPE_FP32"]
    dims: Sizes
    optional: NotRequired[Annotated[bool, "whether it may be left out"]]


class Config(TypedDict):
    name: str
    platform: str
    backend: str
    version_policy: dict[str, Any]
    max_batch_size: Annotated[int, "0 where the sizes of a port begin with another axis"]
    input: list[ConfiguredPort]
    output: list[ConfiguredPort]
    default_model_filename: str
    instance_group: list[dict[str, Any]]
    dynamic_batching: NotRequired[dict[str, Any]]


class Duration(TypedDict):
    count: int
    ns: Annotated[int, "nanoseconds, of all together"]


class Parts(TypedDict):
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class InferenceStatistics(Parts):
    success: Duration
    fail: Duration
    queue: Duration
    cache_hit: Duration
    cache_miss: Duration


class BatchStatistics(Parts):
    batch_size: int


class ModelStatistics(TypedDict):
    name: str
    version: str
    last_inference: Annotated[int, "milliseconds since 1970"]
    inference_count: Annotated[int, "rows"]
    execution_count: Annotated[int, "runs"]
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]


class Statistics(TypedDict):
    model_stats: list[ModelStatistics]


class IndexEntry(TypedDict):
    name: str
    version: NotRequired[str]
    state: Literal["READY", "UNAVAILABLE"]
    reason: Annotated[str, "why, or what keeps a newer version out"]


class Loaded(TypedDict):
    name: str
    version: str
    models: Annotated[Names, "the names that infer takes"]


class Unloaded(TypedDict):
    name: str
    models: Annotated[Names, "the names that infer took"]


class LogProb(TypedDict):
    text: str
    logprob: Annotated[float, "nats"]


class Details(TypedDict):
    finish_reason: Literal["eos_token", "length"]
    seed: int
    logprobs: list[LogProb]


class Continuation(TypedDict):
    model_name: str
    model_version: str
    id: NotRequired[str]
    text_output: str
    details: NotRequired[Details]


class OutputTensor(TypedDict):
    name: str
    datatype: Datatype
    shape: list[int]
    data: NotRequired[Annotated[list[Any], "flat"]]
    parameters: NotRequired[dict[str, Any]]


class Inferred(TypedDict):
    model_name: str
    model_version: str
    id: NotRequired[str]
    outputs: list[OutputTensor]


class Summary(TypedDict):
    """Of a model, by its manifest; null where that says nothing."""

    name: str
    version: str
    title: Any
    family: str
    tasks: Names
    metrics: Any
    baselines: Any
    facts: Any
    verdict: Any


class Summaries(TypedDict):
    models: list[Summary]


class TaskAbout(TypedDict):
    use: str
    description: str
    example: Annotated[dict[str, Any], "a request; files go into it in base64"]
    files: Annotated[Names, "of the example"]
    request: Annotated[dict[str, Any], "JSON Schema"]
    answer: Annotated[dict[str, Any], "JSON Schema"]
    rows: Annotated[str, "the field that a batch fills"]
    accept: Annotated[Names, "media types besides JSON"]
    streams: bool


NULL: dict[str, Any] = {"type": "null"}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What is null is absent."""
    return {"anyOf": [schema, NULL]}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """A field that is not known may be null, which is absent."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": NULL}


COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
_UNUSED = {"enum": [0, False, "", None], "description": "not supported; may say that it is unused"}


def _parameters(*, unused: bool = True, **known: dict[str, Any]) -> dict[str, Any]:
    names = ("priority", "sequence_id", "sequence_start", "sequence_end") if unused else ()
    properties = {name: or_null(each) for name, each in known.items()}
    return or_null(_object(properties | dict.fromkeys(names, _UNUSED)))


NESTED: dict[str, Any] = {
    "type": ["array", "number", "boolean"],
    "description": "numbers, flat or nested as the shape says",
}
SIZES = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**31},
    "maxItems": AXES,
}


def input_tensor(
    name: dict[str, Any], datatypes: list[str], shape: dict[str, Any], data: dict[str, Any]
) -> dict[str, Any]:
    """One input as a request in JSON alone has it."""
    told = {
        "name": name,
        "datatype": {"type": "string", "enum": datatypes},
        "shape": shape,
        "data": data,
        "parameters": _parameters(),
    }
    return _object(told, "name", "datatype", "shape", "data")


def infer_request(inputs: dict[str, Any], output: dict[str, Any] = TEXT) -> dict[str, Any]:
    """A request whose `inputs` are these; `output` is the name of one that is wanted."""
    wanted = _object(
        {"name": output, "parameters": _parameters(binary_data=FLAG, classification=COUNT)}, "name"
    )
    properties = {
        "id": or_null(TEXT),
        "model_name": or_null(TEXT),
        "inputs": inputs,
        "outputs": or_null({"type": "array", "items": wanted}),
        "parameters": _parameters(binary_data_output=FLAG, timeout=COUNT),
    }
    return _object(properties, "inputs")


JSON_DATATYPES = [name for name in DATATYPES if name != "BF16"]  # which comes in binary alone
ANY_INFER = infer_request(
    {"type": "array", "items": input_tensor(TEXT, JSON_DATATYPES, SIZES, NESTED)}
)
INDEX = {"type": "object", "properties": {"ready": FLAG}}
LOAD = {
    "type": "object",
    "properties": {
        "parameters": or_null(_object({"unload_dependents": or_null(FLAG)})),
    },
}
GENERATE = _object(
    {
        "id": or_null(TEXT),
        "text_input": {**TEXT, "description": "what is to be continued"},
        "parameters": {
            "type": ["object", "null"],
            "description": "fields of the task generate, and details: whether tokens are wanted",
        },
    },
    "text_input",
)
