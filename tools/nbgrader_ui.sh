#!/usr/bin/env bash
# nbgrader's own tests in a browser, as they travel in its wheel, on this grader: `tools/nbgrader_ui.sh formgrader.spec.ts -g gradebook`.
# By hand: galata is 400 packages of npm's, and each test builds and grades a course of its own. STOCK=1 runs them on plain nbgrader.
set -eu
cd "$(dirname "$0")/.."
root=$PWD/.build/nbgrader-ui
here=$(.venv/bin/python -c 'import nbgrader, pathlib; print(pathlib.Path(nbgrader.__file__).parent)')
spec=${1:-formgrader.spec.ts}
# What a test that was ended has left would fail the next one.
rm -rf "$root/nbgrader" "$root/course"
mkdir -p "$root/nbgrader/tests" "$root/course" "$root/conf" "$root/data"
cp -r "$here/tests/ui-tests" "$root/nbgrader/tests/"
ln -sfn "$here/docs" "$root/nbgrader/docs"
export PATH=$PWD/.venv/bin:$PATH NBGRADER_TEST_DIR=$root/course JUPYTER_CONFIG_DIR=$root/conf JUPYTER_DATA_DIR=$root/data
cd "$root"
# Its minor version is JupyterLab's, and its browser is the system's: none is fetched.
[ -d node_modules/@jupyterlab/galata ] || PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-fund --no-audit --ignore-scripts \
    "@jupyterlab/galata@5.$(python -c 'import jupyterlab; print(jupyterlab.version_info[1])')"
if [ -z "${STOCK:-}" ]; then
    # Where a spec keeps its courses stands in it.
    folder=$(sed -n "s/^const tempPath = ['\"]\(.*\)['\"];*/\1/p" "nbgrader/tests/ui-tests/$spec")
    cat >>nbgrader/tests/ui-tests/files/nbgrader_config.py <<END
import pathlib
from photgrader.gradebook.plugin import configure
configure(c, pathlib.Path("$NBGRADER_TEST_DIR/$folder"))
END
fi
cat >playwright.config.ts <<'END'
export default {
  testDir: './nbgrader/tests/ui-tests',
  timeout: 600000,
  workers: 1,
  expect: { timeout: 60000 },
  reporter: [['list']],
  use: {
    baseURL: 'http://localhost:8888',
    viewport: { width: 1024, height: 768 },
    launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
  webServer: {
    command: 'cd course && exec jupyter lab --allow-root --config ./jupyter_server_config.py',
    url: 'http://localhost:8888/lab',
    timeout: 120000,
    stderr: 'ignore',
  },
};
END
cp nbgrader/tests/ui-tests/utils/jupyter_server_config.py nbgrader/tests/ui-tests/files/nbgrader_config.py course/
exec npx playwright test "$spec" "${@:2}"
