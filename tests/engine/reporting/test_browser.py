"""The HTML report in a real browser: nothing overflows on a phone and nothing is complained of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from assay.reporting import record_of
from assay.reporting.html import render_html, template_folders
from tests.engine.parts import missing
from tests.engine.reporting import sample

WRAPPER = """\
<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">
<iframe src="red.html" style="width:390px;height:800px;border:0"></iframe>
<iframe src="hostile.html" style="width:390px;height:800px;border:0"></iframe>
<script>
onload = () => {
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument;
    page.querySelectorAll('details').forEach(each => each.open = true);
    const wide = [...page.querySelectorAll('body *')].filter(each => !each.closest('.scroll, .skip')
      && each.getBoundingClientRect().right > 391).map(each => each.tagName + '.' + each.className);
    const seen = document.createElement('p');
    const root = page.documentElement;
    seen.textContent = `seen ${root.scrollWidth} of ${root.clientWidth} ${wide.slice(0, 5)};`;
    document.body.append(seen);
  }
};
</script>
"""


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("no Chromium here", "chromium")
    return found


def test_no_overflow_on_a_phone_and_no_console_message(tmp_path: Path) -> None:
    """At 390 pixels, everything unfolded, no page is wider than its window, and the console stays empty."""
    browser = _chromium()
    for name, events in (("red", sample.red_run()), ("hostile", sample.hostile_run())):
        text = render_html(record_of(events), template_folders(), sample.NEEDS)
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    (tmp_path / "wrapper.html").write_text(WRAPPER, encoding="utf-8")
    seen = subprocess.run(
        [
            browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--no-first-run", "--hide-scrollbars", "--allow-file-access-from-files",
            "--enable-logging=stderr", "--dump-dom",
            f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "wrapper.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert re.findall(r"seen (\d+) of (\d+) ([^;]*);</p>", seen.stdout) == [("390", "390", "")] * 2
    assert [line for line in seen.stderr.splitlines() if "CONSOLE" in line] == []
