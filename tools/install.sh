#!/usr/bin/env bash
# Installs the locked dependencies and this package, editable, into the environment whose python is given, with the pip of a second one.
# uv does it in seconds; where uv cannot be had, pip does the same from the same hashes in about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 maker=${2:-$1}
if "$maker" -m pip --python "$python" --version >/dev/null 2>&1; then
  pip=("$maker" -m pip --python "$python" install --quiet --disable-pip-version-check)
else
  "$python" -m ensurepip >/dev/null  # a pip of its own takes seconds
  pip=("$python" -m pip install --quiet --disable-pip-version-check)
fi
uv="$(dirname "$python")/uv"

if "${pip[@]}" --require-hashes --requirement tools/uv.txt && "$uv" --version >/dev/null; then
  install=("$uv" pip install --quiet --python "$python")
else
  echo "uv cannot be installed here; pip installs instead" >&2
  install=("${pip[@]}")
fi
"${install[@]}" --require-hashes --requirement requirements.lock
"${install[@]}" --no-deps --no-build-isolation --editable .

# What a run or a test imports is compiled once, here: elsewhere PYTHONDONTWRITEBYTECODE may be set, and then every process would.
export PYTHONDONTWRITEBYTECODE=
"$python" -c "import plotly.graph_objects, numba, vectorbt" &
"$python" -c "import pandas, scipy.stats, statsmodels.api, arch.bootstrap, arch.univariate, matplotlib.figure, exchange_calendars, \
matplotlib.backends.backend_svg, pandera.pandas, pyarrow.dataset, pyarrow.parquet, jinja2, typer, hypothesis, xdist, playwright.sync_api"
"$python" -m compileall -q backtest
wait
