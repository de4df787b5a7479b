"""What a book is compared with: the funds that its baskets declare, in order, then the other funds of its markets."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, Field

from backtest.files.rows import STRICT

OF_ITS_MARKET = "a fund of its market that is not declared"
UNDECLARED = "no benchmark is declared: the first fund of its market in benchmarks.toml"


class Comparison(BaseModel):
    """A fund to compare with; `matched` says whether it is of the same market, and of the same board or sector."""

    model_config = STRICT

    ticker: str
    matched: bool
    reason: str = Field(min_length=1)


def comparisons(
    declared: Mapping[str, Sequence[Comparison]], members: Mapping[str, int], funds: Sequence[str]
) -> tuple[Comparison, ...]:
    """Return what a book is compared with, the declared benchmark first; nothing where there is no fund.

    declared: the rows of each basket of the book, in the order of its baskets.
    members: how many members each basket has.
    funds: the funds of the book's markets, in file order.

    Of several baskets the first fund is the one that those with the most members put first, of equals the earlier one; a fund is
    matched where it is for more than half of all members. Without a declaration it is the first of `funds`, unmatched.
    """
    rows = [row for basket in declared.values() for row in basket]
    chosen = list(_of_several(declared, members) if len(declared) > 1 else rows)
    for ticker in funds:
        chosen.append(Comparison(ticker=ticker, matched=False, reason=OF_ITS_MARKET if chosen else UNDECLARED))
    unique: dict[str, Comparison] = {}
    for row in chosen:
        unique.setdefault(row.ticker, row)
    return tuple(unique.values())


def _of_several(declared: Mapping[str, Sequence[Comparison]], members: Mapping[str, int]) -> Iterator[Comparison]:
    """Yield every fund that some baskets declare, the one that most members put first before the others."""
    every, first, matched = sum(members.values()), dict[str, int](), dict[str, int]()
    for basket, rows in declared.items():
        for number, row in enumerate(rows):
            first[row.ticker] = first.get(row.ticker, 0) + (members[basket] if number == 0 else 0)
            matched[row.ticker] = matched.get(row.ticker, 0) + (members[basket] if row.matched else 0)
    for ticker in sorted(first, key=lambda ticker: -first[ticker]):
        reason = f"declared first for {first[ticker]} of the {every} members of its baskets, matched for {matched[ticker]}"
        yield Comparison(ticker=ticker, matched=2 * matched[ticker] > every, reason=reason)
