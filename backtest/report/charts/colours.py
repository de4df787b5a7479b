"""The report's colours: Okabe–Ito hues, a light and a dark shade of each, one hue per theme everywhere."""

# name: (on light paper, on dark paper). Charts are drawn in the first; the page swaps in CSS variables of these names.
PALETTE = {
    "ink": ("#1a1a1a", "#ececec"),
    "muted": ("#5c5c5c", "#a9a9a9"),
    "paper": ("#fefefe", "#161616"),
    "grid": ("#dcdcdc", "#3a3a3a"),
    "band": ("#ebebeb", "#2b2b2b"),
    "out": ("#e4eef7", "#1d2b39"),
    "blue": ("#0072b2", "#4aa8e0"),
    "sky": ("#3a9bd6", "#8fd0f5"),
    "vermillion": ("#d55e00", "#f08a3c"),
    "orange": ("#c98a00", "#f0b93a"),
    "green": ("#009e73", "#35c79d"),
    "purple": ("#b9618f", "#dd97bf"),
    "olive": ("#857700", "#f0e442"),
    "black": ("#3d3d3d", "#c9c9c9"),
    "indigo": ("#5546a8", "#a99bff"),
    "rest": ("#9a9a9a", "#6e6e6e"),
}
THEMES = {
    "optical": "blue",
    "us_optical": "sky",
    "copper": "vermillion",
    "us_network_copper": "orange",
    "PCB": "green",
    "GPU": "purple",
    "ASIC": "olive",
    "hyperscaler": "black",
}
ACROSS_THEMES = "indigo"


def theme(basket: str) -> str:
    """Return the name of a basket's colour; a selection across themes has one of its own."""
    return THEMES.get(basket, ACROSS_THEMES)


def light(name: str) -> str:
    """Return a colour as charts draw it."""
    return PALETTE[name][0]


def variables() -> dict[str, str]:
    """Return the CSS variable that replaces each colour of a chart."""
    return {shades[0]: f"var(--{name})" for name, shades in PALETTE.items()}


def names() -> dict[str, str]:
    """Return the name of each colour that charts are drawn in."""
    return {shades[0]: name for name, shades in PALETTE.items()}
