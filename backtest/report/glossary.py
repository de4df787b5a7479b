"""What the report's figures mean: a definition and a unit per column, and the section that lists those a page uses."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from backtest.report.components import Block, Cell, Column, Fold, Part, Rows, Section, Table, Text


class Term(NamedTuple):
    """A definition in one sentence or two, and the unit its figures are in."""

    text: str
    unit: str


TITLE, ANCHOR = "What the figures mean", "terms"
SHARE, COUNT, POINTS = "% of the book's money at the start", "a count", "log points; 0.69 is a doubling"
PAID = "the book's currency"
TERMS: dict[str, Term] = {
    "n": Term("Returns in the window, one fewer than its sessions; the first starts from the session before it.", COUNT),
    "Total return": Term(
        "Last value over first value, less one, dividends reinvested, after every cost. Below it, "
        "the 95% interval that the mean log return leaves (studentised block bootstrap).",
        "%",
    ),
    "Last 60 ends": Term(
        "The lowest and the highest total return had the window ended at another of its last 60 sessions, and their days.", "%"
    ),
    "Its return": Term("The control's total return over the same sessions, after the same costs.", "%"),
    "Difference": Term(
        "The book's total return less the control's. Below it, its 95% interval: both resampled in the same blocks of sessions, "
        "the control's path as it was (paired block bootstrap). Refused below 30 returns.",
        "percentage points",
    ),
    "Benchmark": Term(
        "The benchmark's return over the same sessions, in the book's currency, dividends included, without costs. Matched: of "
        "the book's market, and of its board or sector.",
        "%",
    ),
    "Sharpe ± standard error": Term(
        "Mean over standard deviation of the returns, times the root of the periods a year; no risk-free rate is taken off. The "
        "± is Lo's (2002) standard error for independent returns. Below it, "
        "the 95% interval that allows for autocorrelation. Refused below 30 returns.",
        "per year",
    ),
    "Max drawdown": Term(
        "The deepest fall from the highest value so far. Below it, where that of another path of this length and law would lie "
        "(95%).",
        "% of that value",
    ),
    "CAGR": Term(
        "Growth a year: last value over first value, to the power of a year's sessions over the window's returns, less one. "
        "Refused below a year, which would be stretched to one. Below it, the interval of the total return, a year.",
        "% a year",
    ),
    "Volatility": Term(
        "Standard deviation of the returns (n − 1), times the root of the sessions a year. Below it, the central 95% of it on "
        "1,000 resamples in blocks, as for every figure of these tables but CAGR.",
        "% a year",
    ),
    "Sortino": Term(
        "Mean return over the root of the mean square of the returns below zero, over all n, times the root of the sessions a "
        "year; no risk-free rate, target zero.",
        "per year",
    ),
    "Calmar": Term(
        "CAGR over the deepest drawdown of the window. Below it, where that of another path of this length and law would lie, as "
        "for months and time under water.",
        "a ratio",
    ),
    "Beta": Term(
        "Covariance with the declared benchmark over its variance, on the sessions that both have.", "return per return"
    ),
    "Correlation with the benchmark": Term("Of the returns, on the sessions that both have.", "-1 to 1"),
    "Best month": Term("The best whole calendar month of the window; its interval is refused below 12 of them.", "%"),
    "Worst month": Term("The worst whole calendar month of the window.", "%"),
    "Positive months": Term("Whole calendar months above zero, of all of the window.", "%"),
    "Month": Term("Last close of the month over the last close before it, less one.", "%"),
    "Year's return": Term("Last close of the year over the last close before it, less one.", "%"),
    "Return of the year": Term(
        "Last close of the year over the last close before it, less one. Below it, the 95% interval that the mean log return "
        "leaves.",
        "%",
    ),
    "Deepest fall": Term("The deepest fall from the highest value of the year so far.", "% of that value"),
    "Declared benchmark": Term("What it returned over the same sessions, in the book's currency.", "%"),
    "Depth": Term("The fall from the peak to the trough.", "% of the peak"),
    "Falling": Term("Sessions from peak to trough.", "sessions"),
    "Recovering": Term("Sessions from the trough to the first close at the peak's value again.", "sessions"),
    "Closes below": Term("Closes between peak and recovery, or the end of the run.", "sessions"),
    "Longest under water": Term("Most closes in a row below the highest value so far.", "sessions"),
    "Under water": Term("Closes below the highest value so far, of all.", "%"),
    "Skewness": Term("Third central moment over the deviation cubed (n); below zero where the long tail is of losses.", "none"),
    "Excess kurtosis": Term("Fourth central moment over the variance squared (n), less 3: 0 for a normal distribution.", "none"),
    "Turnover": Term("Half of all that was bought and sold, over the mean value: 1.00× replaces the book once.", "× of the book"),
    "Costs": Term("Commission, taxes, fees and slippage.", "% of the book"),
    "Orders": Term("Orders that were filled.", COUNT),
    "Its figure": Term("What the thesis states.", "that of the claim, below it"),
    "Stated": Term("The figure as its source states it.", "in the column beside it"),
    "When written": Term(
        "Over all readings, from what had been published by the claim's date: confirmed where every measurable one holds, "
        "contradicted where none does, confirmed under one reading where some do, not testable where none can be measured. Then "
        "the main reading's figure, its span, and the margin: by how much it holds, below 0 where it fails.",
        "one of four, and that of the claim",
    ),
    "Since it was written": Term(
        "The same from what came after that date, by the end of the run, where the claim speaks of the future.",
        "one of four, and that of the claim",
    ),
    "Evidence": Term(
        "The weakest evidence among the figures used: reported, derived from reported ones, or estimated.", "a mark"
    ),
    "Weakest evidence": Term("The weakest evidence among the quarter's figures: reported, derived, or estimated.", "a mark"),
    "Confidence": Term("How sure we are of the weakest figure: high was found at its source, low was not.", "a mark"),
    "Known at": Term("When the last figure behind the row was published. Nothing was decided on it before.", "day, UTC"),
    "Ratio known at": Term("When the last figure behind the ratio was published.", "day, UTC"),
    "Since": Term("The end of the first month, or of the run, at which this was what a reader knew.", "day"),
    "CapEx (USD bn)": Term("Cash paid for property and equipment by the clouds, summed, in the calendar quarter.", "USD billion"),
    "Revenue (CNY bn)": Term("Revenue of the suppliers, summed, in the calendar quarter.", "CNY billion"),
    "CapEx growth": Term("CapEx over that of the same quarter a year before, less one.", "%"),
    "Revenue growth": Term("Revenue over that of the same quarter a year before, less one, in CNY.", "%"),
    "Excess growth": Term("Revenue growth less CapEx growth.", "percentage points"),
    "Ratio": Term(
        "Data-center revenue times the share disclosed as from clouds, over the clouds' CapEx of the quarter. Where no share "
        "was disclosed the last one counts, marked estimated.",
        "%",
    ),
    "CapEx": Term("Growth of the clouds' CapEx over four quarters.", POINTS),
    "chips over CapEx": Term("How far chip revenue outgrew CapEx over four quarters.", POINTS),
    "interconnect over chips": Term("How far the suppliers' revenue outgrew chip revenue over four quarters.", POINTS),
    "currency": Term("What counting Chinese revenue in USD added over four quarters.", POINTS),
    "interconnect": Term("Growth of the suppliers' revenue in USD over four quarters: the sum of the links.", POINTS),
    "Value": Term("The signal's value for the quarter, from the figures listed beside it.", "that of the signal"),
    "Score": Term(
        "What the signal told the strategy at the session's close, from what was known then; higher is better.", "none"
    ),
    "To be invested": Term("What the decision put into names; the rest stays cash.", "% of the book"),
    "Weight": Term("The name's value at the last close over the book's.", "% of the book"),
    "Target": Term("The weight the decision asked for.", "% of the book"),
    "Held": Term("What is not cash at the last close.", "% of the book"),
    "Asked for": Term("What the decision of the last close puts into names; the rest is cash.", "% of the book"),
    "To trade": Term(
        "The orders between what is held and what is asked for, over the book's value: at the last prices, in whole lots, after "
        "costs, as every order.",
        "% of the book",
    ),
    "Value to trade": Term("The next order at the last price, in whole lots; below 0 a sale.", PAID),
    "Shares to trade": Term("Shares of the next order, and how many lots; units where prices have no share price.", "shares"),
    "Next orders": Term("How many names the next orders would trade.", COUNT),
    "Difference of weight": Term("Target less weight.", "% of the book"),
    "To its control": Term(
        "The return less that of the same book with its signal on wherever it has a value. Below it, the 95% interval.",
        "percentage points",
    ),
    "To its benchmark": Term(
        "The middle book's return less its declared benchmark's, over the sessions both have.", "percentage points"
    ),
    "To a month": Term("Total return after the thesis's date to the end of the newest month that all strategies have.", "%"),
    "Waiting": Term("Orders decided before the last close that are not filled yet.", COUNT),
    "Realised": Term("The weight after the order was filled.", "% of the book"),
    "Lots": Term("How far the holding is from its target, in the market's lots.", "lots"),
    "Total": Term("Profit and loss, all parts together; the rows add up to the book's total return.", SHARE),
    "Price": Term("What local prices did to what was held, and the interest on cash.", SHARE),
    "Currency": Term("What the exchange rate did to what was held.", SHARE),
    "Buys": Term("Filled orders to buy.", COUNT),
    "Sells": Term("Filled orders to sell.", COUNT),
    "Traded value": Term("Shares times fill price over all orders.", PAID),
    "Cost": Term("All that trading cost, every kind summed.", PAID),
    "Cost of value": Term("Cost over traded value.", "basis points"),
    "Largest of volume": Term(
        "The filled order that was the largest part of the shares traded in its session, by that part; orders on a session "
        "without a known volume do not count. Capacity is not modelled.",
        "%",
    ),
    "Not filled": Term("Orders given up because their target changed or the run ended before they could trade.", COUNT),
    "Late": Term(
        "Orders filled after the session they were meant for: suspended, sealed at a limit, closed, or short of cash.", COUNT
    ),
    "Exits": Term("Holdings sold because their prices end.", COUNT),
    "Missed targets": Term(
        "Holdings more than half a lot from their target after an order session, each with its reason.", COUNT
    ),
    "Commission": Term("The broker's fee, with its minimum per order; our choice, in the market's rows.", PAID),
    "Transfer fee": Term("Charged for the transfer of shares, as on both sides in Shanghai and Shenzhen.", PAID),
    "Stamp duty": Term(
        "Stamp duty or a tax on trades: on sales in Shanghai and Shenzhen (halved on 2023-08-28) and in Seoul.", PAID
    ),
    "Regulator's fee": Term("What a regulator charges, as by Section 31 on sales in New York.", PAID),
    "Activity fee": Term("Per share with a maximum, as FINRA's trading activity fee on sales in New York.", PAID),
    "Slippage": Term("What fills were worse than the price they are taken from.", PAID),
    "Late orders": Term("What the price moved against late orders while they waited; negative is a gain.", PAID),
    "Unfilled orders": Term("What the price moved against orders never filled until they were given up.", PAID),
    "Waited": Term("Sessions of the ticker's own market between the session meant and the fill.", "sessions"),
    "Shares": Term("Shares ordered, or units where prices have no share price.", "shares"),
    "Price (local)": Term("The price of the fill, slippage included, in the market's currency.", "per share"),
    "Value of the order": Term("Shares times price in the book's currency.", PAID),
    "Cost of the order": Term("What the order cost, or what waiting for it did.", PAID),
    "Figures": Term("Figures that rest on the source, each counted once.", COUNT),
    "Sharpe ± error": Term("Sharpe ratio with a standard error that allows for autocorrelation.", "per year"),
    "Best of noise": Term(
        "The Sharpe ratio that the best of this many strategies without any edge is expected to reach.", "per year"
    ),
    "Rank": Term(
        "The regime's place among all windows of its length in the run, which overlap; p, one-sided, is the share of them that "
        "did as well.",
        "place",
    ),
    "Luck": Term(
        "Told from luck: the 95% interval of the Sharpe ratio lies above zero, and the ratio above the best of noise. Worse than "
        "luck: the interval lies below zero. Else it may be luck.",
        "one of three",
    ),
    "Special": Term(
        "Whether at most 5% of the windows of the same run did as well. It says that a window stands out in this run, not that "
        "it is no luck.",
        "yes or no",
    ),
    "Growth a year": Term(
        "The strategy's growth over the run before costs and without market rules; for factors its alpha.", "log points a year"
    ),
    "Middle draw": Term("The median growth of the null's draws.", "log points a year"),
    "p, one-sided": Term(
        "How often chance did as well: one more than the draws at or above the strategy, over one more than the draws, each by "
        "its growth above the draws' mean, over how far it strays from that. It cannot fall below its floor. For factors that "
        "of a regression: no alpha above zero. A basket chosen in hindsight has alpha by its choice.",
        "a fraction",
    ),
    "p, one-sided, Holm": Term(
        "p corrected by Holm's method for every registered hypothesis, of other strategies too.", "a fraction"
    ),
    "Alpha a year": Term(
        "The mean return that the factors leave unexplained, times the periods a year; least squares, with errors that allow for "
        "autocorrelation (equal-weighted cosines).",
        "% a year",
    ),
    "Then": Term("The newest value that was known by the thesis's date, with its quarter.", "that of the row"),
    "At the end": Term(
        "The newest value known by the end of the run, with its quarter; the mark says what it rests on.", "that of the row"
    ),
    "Pace": Term("Log change of a measure over four quarters; the measure itself where it is growth.", "log points a year"),
    "Loading": Term("How far the book moves with the factor, the other factors held.", "return per return"),
    "Events": Term("Announcements used: history before, a whole session after, none on another's day.", COUNT),
    "Abnormal return": Term("Return less the declared benchmark's, on the first session that closed after it was known.", "%"),
    "t": Term("Kolari and Pynnönen's statistic, which allows for books that move together.", "deviations"),
    "p, two-sided, Kolari–Pynnönen": Term("How often chance is as far from zero, by that statistic.", "a fraction"),
    "p, two-sided, random dates": Term("How often as many random sessions are as far from the usual one.", "a fraction"),
    "Log return": Term("Mean log return of the baskets over the window, equal parts each session, without costs.", POINTS),
    "On events": Term("The part of it on sessions that were the first to close after an event.", POINTS),
    "Share of return": Term("That part over the whole; none where the return is below 0.05 log points.", "%"),
    "Share of sessions": Term("How many of the window's sessions those are.", "%"),
    "Mean abnormal return": Term("Mean over baskets and sessions of events of the log return less the benchmark's.", "%"),
    "p, two-sided, sessions of the window": Term(
        "How often as many other sessions of the window are as far from its usual one.", "a fraction"
    ),
    "Events of a session": Term("What became known since the market's last close.", "words"),
    "Ordinary deviations": Term(
        "Mean of the baskets' abnormal returns, each over its deviation in the 120 sessions before.", "deviations"
    ),
    "p among sessions": Term(
        "How often another session is as far from the usual one, corrected by Holm's method for every event of the window.",
        "a fraction",
    ),
    "Side of the expectation": Term(
        "Whether the figures of the session lay above or below it, by their mean deviation.", "words"
    ),
    "Sessions of surprises": Term("Sessions that were the first to close after such figures, those used.", COUNT),
    "p of reactions": Term("Kolari and Pynnönen's p by Holm's method for every row; below it without.", "a fraction"),
    "Expected": Term("What the figure's own past let expect: a seasonal random walk with drift.", "that of the figure"),
    "Surprise": Term("The figure over its expectation, less one.", "%"),
    "In deviations": Term("Its log over the deviation of the figure's changes over a year, of those known then.", "deviations"),
    "Modules a chip": Term("Optical modules that a chip needs in that network, by the published ranges known.", COUNT),
    "Copper links a chip": Term("Copper links that a chip has in that rack, by the published range known.", COUNT),
    "Boards a chip, USD": Term("Value of the printed circuit boards of that rack for each of its chips.", "USD"),
    "Modules sold": Term("Optical modules that the supplier says it sold, of all speeds.", "million"),
    "Revenue, USD m": Term("The supplier's revenue of the year at each quarter's mean rate.", "USD million"),
    "USD a module": Term("That revenue over modules sold; other products are in it.", "USD"),
    "Million shipped": Term("Chips shipped in the year, the median of outside estimates.", "million"),
    "Million modules": Term("Chips times the least and the most modules of the networks they may be in.", "million"),
    "Million copper links": Term("Chips times links if every one were in that rack: at most.", "million"),
    "Boards, USD m": Term("Chips times board value if every one were in that rack: at most.", "USD million"),
    "Scale-up, PB/s": Term("Chips times their scale-up bandwidth, both directions.", "PB/s"),
    "Scale-out, PB/s": Term("Chips times their scale-out bandwidth, both directions.", "PB/s"),
    "Year of growth": Term("A calendar year of which all four quarters are known, and those of the year before.", "year"),
    "Growth over the year before": Term(
        "Of sums over the four quarters; for tokens the median over those with a figure of both years, scaled to a year.", POINTS
    ),
    "Quarters": Term("Quarters that both series cover.", COUNT),
    "Correlation": Term("Of the leader's growth with revenue growth a quarter later.", "-1 to 1"),
    "p, two-sided, rotations": Term(
        "The share of rotations of the leader, the true one among them, that correlate as much, in either direction.",
        "a fraction",
    ),
    "Slope (indicative)": Term(
        "Revenue growth per unit of the leader's growth a quarter before, with its 95% interval.", "a ratio"
    ),
    "Own slope ± error": Term("Least squares on the supplier's own quarters.", "growth per growth"),
    "Pooled slope": Term("The slope drawn towards the mean of all, with its 95% interval.", "growth per growth"),
    "Shrinkage": Term("The weight of the other suppliers in the pooled slope.", "%"),
    "Above zero": Term("The posterior probability that the slope is above zero.", "%"),
    "Better state": Term("Mean ± deviation of a session's excess return, and how many sessions the state lasts.", "% a session"),
    "Worse state": Term("The same for the state with the lower mean.", "% a session"),
    "Gain over one state": Term("BIC of one state, normal or Student's t, less that of two; above 0 two are better.", "BIC"),
    "Probability of the better state": Term("Mean smoothed probability over the window.", "%"),
    "Out of sample": Term("Total return after the thesis's date; of several books the median, with the ends below.", "%"),
    "In sample": Term("Total return up to the thesis's date, seen by its authors; of several books the median.", "%"),
    "Verdict": Term("What the audit's fixed rules make of it: supported, not distinguishable, contradicted.", "a sentence"),
    "Return": Term("Last value over first value, less one.", "%"),
    "Without its best name": Term("The return had the name that earned most earned nothing.", "%"),
    "Without its best quarter": Term("The return without the best calendar quarter.", "%"),
    "Without best 3 sessions": Term("The return without the three best sessions.", "%"),
    "Largest share": Term("The name with the largest part of the profit.", "% of the profit"),
    "Bought": Term("What taking figures at this other moment earned beyond the run as it was.", "% or per year"),
    "Median Sharpe": Term(
        "The median Sharpe ratio over the whole run of all settings that share the cell's two values, whatever their others. "
        "Below it, the lowest such median among the cell and those that touch it, and whether the signal never acts in it.",
        "per year",
    ),
    "Median return": Term("The median of the settings' total returns in the window. Below it, their quartiles.", "%"),
    "Median Sharpe of settings": Term(
        "The median of the settings' Sharpe ratios in the window. Below it, their quartiles; none below 30 returns.", "per year"
    ),
    "Bin": Term("The Sharpe ratio below which the row's settings lie.", "per year"),
    "Settings": Term("Settings with a Sharpe ratio in that bin.", COUNT),
    "Noise settings": Term("How many of as many independent settings without any edge would be expected in that bin.", COUNT),
    "Check of the search": Term("What the check says of the best; the words beside it say how.", "%, a fraction or years"),
    "Expectation": Term("The figure that the grid has a bound for.", "%, a fraction or per year"),
    "Trials": Term("How many settings the check counts; from the ledger where it takes all that were ever tried.", COUNT),
    "Worst neighbour": Term(
        "The lowest Sharpe ratio over the whole run among the setting and those at most one step away in every numeric field, "
        "the same in all others.",
        "per year",
    ),
    "Field": Term("The setting's value of that field.", "that of the field"),
    "Settings of a sweep": Term("Different settings that the sweep evaluated.", COUNT),
    "Values": Term("How many values the grid gives the field.", COUNT),
    "Sharpe": Term("Mean over standard deviation of the returns, times the root of the periods a year.", "per year"),
    "Wealth": Term("Growth of the book's value or of the name's price with dividends, in the book's currency.", POINTS),
    "Level": Term(
        "Growth of a level of the chain over the level before it that is known: sums in USD over four quarters, as known at each "
        "end, of those with four quarters at both ends.",
        POINTS,
    ),
    "Names over it": Term(
        "Growth of the revenue of the names summed, in USD, over the last level that is known; outside the chain, of their "
        "revenue alone.",
        POINTS,
    ),
    "Revenue in USD": Term("Growth of revenue over four quarters, at each quarter's mean rate.", POINTS),
    "Exchange rate": Term("What counting revenue in the book's currency in place of USD added.", POINTS),
    "Profit over revenue": Term(
        "Growth of profit over revenue of the same four quarters. Where no revenue is known, growth of profit.", POINTS
    ),
    "Wealth over profit": Term(
        "Growth of wealth over the profit of four quarters, over revenue where profit is not known or a loss: for one name its "
        "re-rating. Of a book it also has what other weights, names left out, cash and costs did.",
        POINTS,
    ),
    "Names' own": Term("The last term of the names themselves, each by its mean share of the money: their re-rating.", POINTS),
    "Last term, hindsight": Term(
        "The last term from the quarters at least half over on each day, which nobody knew then.", POINTS
    ),
    "Summed": Term("Names with four quarters at both ends, of those that the book held.", COUNT),
    "Share": Term("The name's mean share of the book's value at the closes of the window.", "% of the book"),
}


def term(column: Column) -> str:
    """Return the name under which a column's figures are defined, or nothing."""
    name = column.term or column.text
    return name if name in TERMS else ""


def anchor(name: str) -> str:
    """Return where a term stands on the page."""
    return f"term-{list(TERMS).index(name) + 1}"


def section(sections: Sequence[Section]) -> Section | None:
    """Return the definition of every figure that some sections show, in the order of TERMS; None where they show none."""
    used = {term(column) for section in sections for table in tables(section.blocks) for column in table.columns}
    rows = tuple(
        (Cell(name, anchor=anchor(name)), Cell(TERMS[name].text), Cell(TERMS[name].unit)) for name in TERMS if name in used
    )
    if not rows:
        return None
    columns = (Column("Figure"), Column("Meaning", prose=True), Column("Unit", prose=True))
    hint = Text("Point at a figure in any table, or tap it, for the same words. Definitions hold for the whole page.", "small")
    table = Table("Every figure of this page, its meaning and unit", columns, (Rows(rows),))
    return Section(ANCHOR, TITLE, (hint, Fold(f"All {len(rows)} definitions", (table,))))


def added(sections: Sequence[Section]) -> list[Section]:
    """Return a page's sections with the definitions as the last part of the last of them."""
    terms, last = section(sections), sections[-1]
    if terms is None:
        return list(sections)
    return [*sections[:-1], replace(last, blocks=(*last.blocks, Part(terms.anchor, terms.title, terms.blocks)))]


def tables(blocks: Sequence[Block]) -> Iterator[Table]:
    """Yield every table among some blocks, however deep."""
    for block in blocks:
        if isinstance(block, Table):
            yield block
        yield from tables(getattr(block, "blocks", ()))
