"""The texts in a column of a frame, and the columns that `Guard.flag_frame` adds: pandas, polars and pyarrow alike.

narwhals (https://narwhals-dev.github.io/narwhals) is what makes them alike. A cluster runs `flag_frame` on the parts
of a frame that is larger than memory. A guard is pickled as the name and the digests of its model, so every
machine needs the same spoilerguard, and a model of your own at the same path.

With Dask, `pip install 'spoilerguard[dask]' 'dask[dataframe]'`:

    import dask.dataframe as dd

    comments = dd.read_parquet("comments/*.parquet")
    comments.map_partitions(guard.flag_frame, text="body").to_parquet("flagged")

With Spark, which has to be told the columns that come out:

    from spoilerguard.frames import SPARK_COLUMNS

    comments = spark.read.parquet("comments")
    columns = "id bigint, body string, " + SPARK_COLUMNS
    flagged = comments.select("id", "body").mapInPandas(
        lambda frames: (guard.flag_frame(frame, text="body") for frame in frames), columns
    )
    flagged.write.parquet("flagged")
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from spoilerguard.errors import InputError
from spoilerguard.files.values import without_surrogates
from spoilerguard.report import Report
from spoilerguard.spans import Flag

if TYPE_CHECKING:
    import narwhals as nw
    from narwhals.typing import IntoDataFrameT
else:
    from typing import TypeVar

    IntoDataFrameT = TypeVar("IntoDataFrameT")  # narwhals is imported with the first frame

__all__ = ["SPARK_COLUMNS", "Frame"]

# The columns that `flag_frame` adds, in Spark's DDL.
SPARK_COLUMNS = (
    "spoiler_score double, spoiler boolean, flags array<struct<start: bigint, end: bigint, line: bigint, "
    "column: bigint, text: string, score: double, reasons: array<struct<kind: string, text: string>>>>"
)


@dataclass(frozen=True, slots=True)
class Frame(Generic[IntoDataFrameT]):
    """A frame of any kind.

    Attributes:
        texts: The text of each row; empty where there is none.
        titles: The title of the work of each row, or None.
    """

    _frame: nw.DataFrame[IntoDataFrameT]
    texts: list[str]
    titles: list[str | None]

    @classmethod
    def of(cls, native: IntoDataFrameT, text: str, work: str | None) -> Frame[IntoDataFrameT]:
        """Read a frame.

        Args:
            native: A frame of pandas, polars or pyarrow.
            text: The column with the texts.
            work: The column with the titles of the works, if there is one.

        Raises:
            InputError: It is no such frame, or there is no such column, or a value of it is no text.
        """
        import narwhals as nw

        try:
            frame: Any = nw.from_native(native, pass_through=True)
        except Exception as error:  # of narwhals, or of the library that made the frame
            raise InputError(f"flag_frame cannot use this frame: {' '.join(str(error).split())}") from None
        if isinstance(frame, nw.LazyFrame):
            raise InputError(
                f"flag_frame takes a frame in memory, not a lazy {_kind(native)}: collect it first, or run flag_frame "
                "on its parts (see the documentation of spoilerguard.frames)"
            )
        if not isinstance(frame, nw.DataFrame):
            raise InputError(f"flag_frame takes a frame of pandas, polars or pyarrow, not {_kind(native)}")
        for column in filter(None, (text, work)):
            if column not in frame.columns:
                raise InputError(f"no column {column!r}: there are {', '.join(map(str, frame.columns))}")
        series = frame.get_column(text)
        if series.dtype.is_nested() or series.dtype == nw.Binary:
            raise InputError(f"column {text!r} holds {series.dtype}, not text: choose another, or convert it")
        texts = [
            "" if missing else _text(value, text, row)
            for row, (value, missing) in enumerate(zip(series.to_list(), series.is_null().to_list(), strict=True), 1)
        ]
        titles = [None] * len(texts) if work is None else frame.get_column(work).to_list()
        return cls(frame, texts, [title if isinstance(title, str) else None for title in titles])

    def with_reports(self, reports: Iterable[Report]) -> IntoDataFrameT:
        """The frame with the columns that tell of the reports, one a row; the frame itself is not changed."""
        import narwhals as nw

        scores: list[float] = []
        spoilers: list[bool] = []
        flags: list[list[dict[str, Any]]] = []
        for report in reports:
            scores.append(max((sentence.score for sentence in report.sentences), default=0.0))
            spoilers.append(report.has_spoilers)
            flags.append([_row(flag) for flag in report])
        kind = self._frame.implementation
        return self._frame.with_columns(
            nw.new_series("spoiler_score", scores, nw.Float64(), backend=kind),
            nw.new_series("spoiler", spoilers, nw.Boolean(), backend=kind),
            _typed(flags, kind),
        ).to_native()


def _typed(flags: Sequence[list[dict[str, Any]]], kind: Any) -> nw.Series[Any]:
    """The column of flags, of the same type whatever is in it; of Python's lists where pandas has no pyarrow."""
    import narwhals as nw

    reason = nw.Struct({"kind": nw.String(), "text": nw.String()})
    places = dict.fromkeys(("start", "end", "line", "column"), nw.Int64())
    flag = nw.Struct({**places, "text": nw.String(), "score": nw.Float64(), "reasons": nw.List(reason)})
    try:
        return nw.new_series("flags", flags, nw.List(flag), backend=kind)
    except (ImportError, NotImplementedError):
        return nw.new_series("flags", flags, backend=kind)


def _row(flag: Flag) -> dict[str, Any]:
    row = flag.to_dict()
    reasons = [{name: without_surrogates(value) for name, value in reason.items()} for reason in row["reasons"]]
    return row | {"text": without_surrogates(row["text"]), "reasons": reasons}  # what is typed is UTF-8


def _text(value: Any, column: str, row: int) -> str:
    if not isinstance(value, str) and isinstance(value, Collection):
        raise InputError(f"column {column!r} holds a {type(value).__name__} in row {row}, not a text")
    return str(value)


def _kind(value: object) -> str:
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
