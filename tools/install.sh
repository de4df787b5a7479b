#!/usr/bin/env bash
# Installs the locked dependencies and this package, editable, into the environment whose python is given, with the pip of a second one.
# uv does it in seconds; where uv cannot be had, pip does the same from the same hashes in about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 maker=${2:-$1}
if "$maker" -c 'import pip; assert tuple(map(int, pip.__version__.split(".")[:2])) >= (22, 3)' 2>/dev/null; then
  pip=("$maker" -m pip --python "$python" install --quiet --disable-pip-version-check)
else
  "$python" -m ensurepip >/dev/null  # a pip of its own takes seconds
  pip=("$python" -m pip install --quiet --disable-pip-version-check)
fi
uv="$(dirname "$python")/uv"

# What a run or a test imports is compiled once, here: elsewhere PYTHONDONTWRITEBYTECODE may be set, and then every process would.
compile_imported() {
  export PYTHONDONTWRITEBYTECODE=
  "$python" -c "import plotly.graph_objects, numba, vectorbt" &
  "$python" -c "import pandas, scipy.stats, statsmodels.api, arch.bootstrap, arch.univariate, exchange_calendars, \
pandera.pandas, pyarrow.dataset, pyarrow.parquet, jinja2, typer, hypothesis, xdist, playwright.sync_api" &
  "$python" -c "import pandas, pandera.pandas as pandera, filelock, platformdirs, pydantic, pydantic.dataclasses, vectorbt_rust, tzdata, numba.core.registry as registry
registry.cpu_target.target_context.refresh()
pandera.DataFrameSchema({'a': pandera.Column(int, pandera.Check.ge(0))}).validate(pandas.DataFrame({'a': [1]}))" &
  "$python" -m compileall -q backtest &
  "$python" -c "import sys; sys.path.insert(0, '.'); import backtest.sweeps.preload" &  # the loops of a sweep: 7 s, kept for this checkout
}

install_with() {
  "$@" --require-hashes --requirement requirements.lock || return
  compile_imported  # meanwhile the package is installed
  "$@" --no-deps --no-build-isolation --editable .
}

# uv reads no pip.conf: it may fail to reach an index that pip reaches, even when pip could install uv itself.
if ! { "${pip[@]}" --require-hashes --requirement tools/uv.txt && install_with "$uv" pip install --quiet --python "$python"; }; then
  echo "uv cannot install here; pip installs instead" >&2
  install_with "${pip[@]}"
fi

wait
