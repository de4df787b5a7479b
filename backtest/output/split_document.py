"""What carried a return, as JSON: the `return_split` of result.json and what `explain --json` prints."""

from dataclasses import asdict, replace

from backtest.analysis.return_split import NameSplit, ReturnSplit, Terms
from backtest.analysis.split_rows import unlike
from backtest.files.documents import Json


def split_document(split: ReturnSplit) -> Json:
    """Return a split: its terms in log points under their keys, what they were summed over, and each name's own terms."""
    if split.hindsight is None:
        return _split(split) | {"hindsight": None}
    reasons = {key: f"not to be set beside that on the day: {reason}" for key, reason in unlike(split).items()}
    after = replace(split.hindsight, refused=reasons | split.hindsight.refused)
    return _split(split) | {"hindsight": _split(after)}


def _split(split: ReturnSplit) -> Json:
    return {
        "base": split.base,
        "last": split.last,
        "counted_in": split.currency,
        **_terms(split.terms, split.terms.levels),
        "rerating_parts": None if split.parts is None else asdict(split.parts),
        "coverage": {
            "names": list(split.summed),
            "of": len(split.names),
            "money": split.covered,
            "left_out": split.left_out,
        },
        "levels": {
            level.key: {
                "label": level.label,
                "growth": level.growth,
                "series": list(level.series),
                "coverage": level.coverage,
                "left_out": level.left_out,
            }
            for level in split.levels
        },
        "refused": split.refused,
        "one_offs": list(split.one_offs),
        "names": {ticker: _name(name) for ticker, name in split.names.items()},
    }


def _terms(terms: Terms, levels: dict[str, float | None]) -> Json:
    return {
        "basis": terms.basis,
        "wealth": terms.wealth,
        **levels,
        "share": terms.share,
        "revenue": terms.revenue,
        "currency": terms.currency,
        "margin": terms.margin,
        "profit": terms.profit,
        "rerating": terms.rerating,
        "residual": terms.residual,
    }


def _name(name: NameSplit) -> Json:
    terms = _terms(name.terms, {})
    del terms["share"]
    return {
        **terms,
        "weight": name.weight,
        "quarters": None if name.quarters is None else list(name.quarters),
        "missing": list(name.missing),
        "one_offs": list(name.one_offs),
        "thin": list(name.thin),
    }
