"""A page heavier than any chapter: 300 formulas, 10 figures, 3 widgets. It is built like the book and measured like it."""

from pathlib import Path

import scratch_book

PAGE = "stress.html"

HEADER = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
description: A page with many formulas, figures and widgets, to measure the site by.
---

# Stress

Nobody reads this page. It holds more than any chapter does.
"""

# One section: 30 formulas, 5 of them displayed and 2 of those numbered. {n} keeps the sections apart.
SECTION = r"""
## Section {n}: heads of size ${n} \times {n}$

A layer maps $x \in \R^{{N \times C}}$ to $y$, and $y_p$ is the sum over $q$ of $A_{{p,q}}\, x_q W$.
With $r = {n}$ the window holds $(2r + 1)^2$ pixels, and $\Delta$ runs over $\{{-{n}, \dots, {n}\}}^2$.

$$ y_p = \sum_{{h=1}}^{{H}} \sum_{{q=1}}^{{N}} A^{{(h)}}_{{p,q}}(x)\; x_q\, W^{{(h)}}, \qquad H = {n} $$ (line-{n})

By {{eq}}`line-{n}` each head $h$ has a matrix $A^{{(h)}}$ whose rows sum to $1$. Let $\alpha > {n}$ and $\beta = \alpha^2 - {n}$.

$$
\softmax(z)_i = \frac{{e^{{z_i}}}}{{\sum_{{j=1}}^{{N}} e^{{z_j}}}},
\qquad z_{{p,q}} = -\alpha \left\lVert q - p - \Delta_h \right\rVert^2 + {n}
$$

If $\alpha \to \infty$, then $A_{{p,q}} \to \one[q = p + \Delta_h]$ and the error $\varepsilon$ falls like $e^{{-\alpha}}$.

$$ \lVert y - y^\star \rVert_\infty \le {n}\, \lVert W \rVert_1 \lVert x \rVert_\infty \sum_{{\delta \ne 0}} e^{{-\alpha \lVert \delta \rVert^2}} $$ (bound-{n})

The bound {{eq}}`bound-{n}` holds for $d \in \{{1, 2, 3\}}$. Take $K = {n}$, $s = 2$, $p_0 = \lfloor K / 2 \rfloor$ and $L = \frac{{N + 2 p_0 - K}}{{s}} + 1$.

$$
\begin{{bmatrix}} w_0 & w_1 & 0 \\ 0 & w_0 & w_1 \\ w_1 & 0 & w_0 \end{{bmatrix}}
\begin{{bmatrix}} x_1 \\ x_2 \\ x_{{{n}}} \end{{bmatrix}} = \begin{{bmatrix}} y_1 \\ y_2 \\ y_{{{n}}} \end{{bmatrix}}
$$

So $\theta_{{q}} = \nabla_\theta \ell$, with $\mu = {n}$, $\sigma^2 = \tfrac{{1}}{{{n}}}$ and $\Pr[\lvert x \rvert > t] \le 2 e^{{-t^2 / 2 \sigma^2}}$.

$$ \int_{{-\infty}}^{{\infty}} e^{{-{n} t^2}} \, dt = \sqrt{{\frac{{\pi}}{{{n}}}}} $$

```{{code-cell}} python
---
mystnb: {{image: {{alt: "Random picture number {n}: noise, and the weights of one head, a dark spot."}}}}
---
import torch
from conv2attn.figures import image, show, weights

torch.manual_seed({n})
show(image("noise", torch.rand(40, 40)), weights("one head", torch.rand(24, 24) ** {n}))
```
"""

WIDGET = """
```{{code-cell}} python
from conv2attn.widgets import HeadsAtWork

HeadsAtWork(alpha={alpha})
```
"""


def text() -> str:
    """The page's MyST Markdown."""
    sections = [SECTION.format(n=n) + (WIDGET.format(alpha=float(n)) if n in (2, 5, 8) else "") for n in range(1, 11)]
    return HEADER + "".join(sections)


def build(folder: Path) -> Path:
    """Build a book of this one page below `folder` with the course's configuration; return its site."""
    scratch_book.prepare(folder, "root: stress")
    (folder / "stress.md").write_text(text(), "utf-8")
    result = scratch_book.build(folder)
    if result.returncode:
        raise RuntimeError(result.stdout)
    return folder / "_build" / "html"
