"""Measure speed and memory. Absolute times mean little on a shared machine: read the ratios.

    python tools/benchmark.py              everything
    python tools/benchmark.py layers       the construction against nn.Conv2d and dense-bias attention
    python tools/benchmark.py chapters     time and peak memory of each chapter's notebook
    python tools/benchmark.py widgets      from a moved slider to the picture, in Chromium
    python tools/benchmark.py pages        from the address to the page, on a phone four times slower than this machine
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def layers(channels: int = 16, sizes: tuple[int, ...] = (8, 16, 24, 32, 48), seconds: float = 2.0) -> None:
    """Median time of each layer on one image of n × n pixels, as a ratio to ``nn.Conv2d``.

    The layers take turns, so that a change in the machine's speed meets all of them.
    """
    import torch
    from torch import nn
    from torch.nn import functional as F

    import conv2attn

    torch.manual_seed(0)
    names = ("gather (α = ∞)", "attention (α = 8)", "dense-bias SDPA")
    print(f"Ratios to nn.Conv2d({channels}, {channels}, 3, padding=1), float32, {torch.get_num_threads()} threads")
    print(f"{'N':>6} {'Conv2d, µs':>11}" + "".join(f"{name:>20}" for name in names))
    with torch.inference_mode():
        for n in sizes:
            conv = nn.Conv2d(channels, channels, 3, padding=1)
            x = torch.randn(1, channels, n, n)
            hard, soft = conv2attn.from_conv(conv), conv2attn.from_conv(conv, alpha=8.0)
            bias = soft.attention((n, n)).log()  # what dense attention would keep: heads × N × N_padded
            blank_query = torch.zeros(hard.num_heads, n * n, 1)
            blank_key = torch.zeros(hard.num_heads, bias.shape[-1], 1)

            def dense_bias() -> torch.Tensor:
                tokens = soft.geometry.pad(x)[0].flatten(1).T
                heads = F.scaled_dot_product_attention(blank_query, blank_key, tokens @ soft.W, attn_mask=bias)
                return (heads.sum(0) + soft.bias).T.reshape(1, channels, n, n)

            torch.testing.assert_close(dense_bias(), soft(x), rtol=1e-3, atol=1e-3)
            calls = {"conv": lambda: conv(x), names[0]: lambda: hard(x), names[1]: lambda: soft(x), names[2]: dense_bias}
            times = medians(calls, seconds)
            ratios = "".join(f"{times[name] / times['conv']:>20.2f}" for name in names)
            print(f"{n * n:>6} {1e6 * times['conv']:>11.0f}{ratios}", flush=True)


def medians(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of each call; the calls take turns for about ``seconds`` (at least five rounds)."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["conv"]) < 5:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: sorted(values)[len(values) // 2] for name, values in times.items()}


def chapters() -> None:
    """Wall time and peak memory of the kernel that runs each chapter, one after the other."""
    print(f"{'chapter':<36}{'seconds':>8}{'peak MB':>9}")
    for path in sorted(ROOT.glob("chapters/*.ipynb")):
        # A process of its own: the peak memory of finished children only ever grows.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            elapsed, peak = pool.apply(run_notebook, (path,))
        print(f"{path.stem:<36}{elapsed:>8.1f}{peak:>9.0f}", flush=True)


def run_notebook(path: Path) -> tuple[float, float]:
    """Execute a notebook in a fresh kernel: (seconds, peak memory of the kernel in MB)."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}).execute()
    elapsed = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kilobytes
    return elapsed, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit


def widgets(sizes: tuple[int, ...] = (48, 64)) -> None:
    """Script time of one frame of "heads at work", with nine heads, while α is moved: median and 95th percentile."""
    from playwright.sync_api import sync_playwright

    from browser import launch_chromium
    from conv2attn.data import photograph
    from conv2attn.widgets import HeadsAtWork

    host = (ROOT / "book" / "assets" / "host.js").read_text("utf-8")
    module = HeadsAtWork._esm
    print(f"{'image':<10}{'median, ms':>12}{'95 %, ms':>12}")
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for size in sizes:
            page = browser.new_page()
            page.set_content(
                f"<!doctype html>{HeadsAtWork(photograph('camera', size)).island()}"
                f'<script type="text/x-conv2attn-widget" data-widget="heads_at_work">{module}</script>'
                f'<script type="module">{host}</script>'
            )
            page.wait_for_selector(".c2a-widget")
            times = sorted(page.evaluate(MOVE_ALPHA))
            median, late = times[len(times) // 2], times[len(times) * 95 // 100]
            print(f"{f'{size}×{size}':<10}{median:>12.1f}{late:>12.1f}", flush=True)
        browser.close()


MOVE_ALPHA = """async () => {
  const el = document.querySelector(".c2a-widget").parentElement, slider = el.querySelector("[name=alpha]"), times = [];
  for (let step = 0; step < 100; step++) {
    const before = el.conv2attn.frames;
    slider.value = step;
    slider.dispatchEvent(new Event("input"));
    while (el.conv2attn.frames === before) await new Promise(requestAnimationFrame);
    times.push(el.conv2attn.milliseconds);
  }
  return times;
}"""


def pages(rounds: int = 5, slowdown: int = 4) -> None:
    """Opening each built page on a small, slow screen: medians; blocking is what long tasks take beyond 50 ms each."""
    from playwright.sync_api import sync_playwright

    import book
    from browser import launch_chromium

    columns = ("first paint, ms", "largest paint, ms", "blocking, ms", "layout shift", "style + layout, ms", "script, ms")
    print(f"{'page':<42}" + "".join(f"{column:>20}" for column in columns))
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        phone = {"viewport": {"width": 412, "height": 823}, "device_scale_factor": 1.75, "is_mobile": True}
        for path in book.pages():
            runs = []
            for _ in range(rounds):
                page = browser.new_context(**phone).new_page()
                devtools = page.context.new_cdp_session(page)
                devtools.send("Performance.enable")
                devtools.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
                page.goto(path.as_uri())
                page.wait_for_timeout(1500)
                counted = devtools.send("Performance.getMetrics")["metrics"]
                spent = {metric["name"]: 1000 * metric["value"] for metric in counted}
                layout = spent["RecalcStyleDuration"] + spent["LayoutDuration"]
                runs.append([*page.evaluate(OPENING), layout, spent["ScriptDuration"]])
                page.context.close()
            middle = [sorted(values)[rounds // 2] for values in zip(*runs)]
            print(f"{path.relative_to(book.SITE).as_posix():<42}" + "".join(f"{value:>20.3g}" for value in middle), flush=True)
        browser.close()


OPENING = """async () => {
  const entries = (type) => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries())).observe({ type, buffered: true });
    setTimeout(resolve, 300, []);
  });
  const first = (await entries("paint")).find(({ name }) => name === "first-contentful-paint");
  const largest = (await entries("largest-contentful-paint")).at(-1);
  const blocking = (await entries("longtask")).reduce((sum, { duration }) => sum + duration - 50, 0);
  const shift = (await entries("layout-shift")).reduce((sum, { value }) => sum + value, 0);
  return [first.startTime, largest.startTime, blocking, shift];
}"""


if __name__ == "__main__":
    measures = {"layers": layers, "chapters": chapters, "widgets": widgets, "pages": pages}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=measures, help="everything, unless given")
    chosen = parser.parse_args().what
    for name, measure in measures.items():
        if chosen in (None, name):
            measure()
