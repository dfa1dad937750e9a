"""What the API takes: unknown fields are refused, and every fault is named with its place. No database."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cxloop.api.errors import InvalidItems, NotJson
from cxloop.customers import address
from cxloop.intake.dates import FUTURE
from cxloop.intake.models import SourceKind
from cxloop.intake.parse import MAX_NAME, MAX_QUESTION, MAX_TEXT
from cxloop.intake.scores import Scale

MAX_ITEMS = 500
NAMED = 20
"""Faults that an answer names at most."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL character, which cannot be stored")
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


def _written_address(text: str) -> str:
    if address(text) is None:
        raise ValueError("is not an e-mail address")
    return text


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_one_line)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, str_strip_whitespace=True)


class SourceIn(_Strict):
    """Where it comes from; made when it is named for the first time."""

    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_one_line)]
    kind: SourceKind


class CustomerIn(_Strict):
    """Who said it. The address, or else `ref`, is how we know them again; a name alone proves nothing."""

    name: Name | None = None
    email: Annotated[str, Field(max_length=254), AfterValidator(_written_address)] | None = None
    ref: Annotated[Name, Field(description="their number or handle in the source")] | None = None


class FeedbackIn(_Strict):
    """One thing that one customer said. It needs a text, or a score with its scale."""

    source: SourceIn
    external_id: Name | None = Field(
        None, description="its id in the source: the same one again is a duplicate; without one each is new"
    )
    text: Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_storable)] | None = None
    question: Annotated[str, Field(max_length=MAX_QUESTION), AfterValidator(_storable)] | None = None
    score: float | None = None
    scale: str | None = Field(
        None, description="worst-best: 0-10, 1-5, 1-7, or 5-1 where 1 is the best", pattern=r"^\d{1,3}-\d{1,3}$"
    )
    occurred_at: AwareDatetime | None = Field(None, description="when it was said, with its zone; not in the future")
    customer: CustomerIn = CustomerIn()

    @field_validator("occurred_at")
    @classmethod
    def _in_the_past(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if value is None:
            return None
        if value < EARLIEST:
            raise ValueError("is before 1970")
        if value > (info.context or {})["at"] + FUTURE:
            raise ValueError("is in the future")
        return value

    @field_validator("scale")
    @classmethod
    def _a_scale(cls, value: str | None) -> str | None:
        scale = Scale.parse(value) if value else None
        if scale and scale.worst == scale.best:
            raise ValueError("needs two different ends")
        return str(scale) if scale else None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.text and self.score is None:
            raise ValueError("needs a text or a score")
        if self.score is not None and (not self.scale or self.score not in Scale.parse(self.scale)):
            raise ValueError(f"score {self.score:g} needs a scale that it is on, as 0-10")
        return self


class FeedbackBatch(_Strict):
    """Up to 500 at once; all of them are taken, or none."""

    items: Annotated[list[FeedbackIn], Field(min_length=1, max_length=MAX_ITEMS)]


def _which(body: Any) -> str:
    return "batch" if isinstance(body, dict) and "items" in body else "one"


FEEDBACK: TypeAdapter[FeedbackIn | FeedbackBatch] = TypeAdapter(
    Annotated[
        Annotated[FeedbackIn, Tag("one")] | Annotated[FeedbackBatch, Tag("batch")],
        Discriminator(_which),
    ]
)


def read(body: bytes, *, at: datetime) -> list[FeedbackIn]:
    """The items of a request's body. Raises NotJson, or InvalidItems with every fault and its place."""
    try:
        read = FEEDBACK.validate_json(body, context={"at": at})
    except ValidationError as wrong:
        faults = wrong.errors(include_url=False, include_context=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise NotJson(f"The body is not JSON: {faults[0]['msg'].removeprefix('Invalid JSON: ')}.") from None
        raise InvalidItems([_fault(fault["loc"], fault["msg"]) for fault in faults[:NAMED]]) from None
    return read.items if isinstance(read, FeedbackBatch) else [read]


def _fault(place: tuple[int | str, ...], words: str) -> dict[str, str]:
    """The place as a JSON pointer; its first part is only which of the two forms of body it is."""
    parts = [str(part).replace("~", "~0").replace("/", "~1")[:80] for part in place[1:]]
    return {"pointer": "/".join(["#", *parts]), "detail": words.removeprefix("Value error, ")}
