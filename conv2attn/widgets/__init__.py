"""The course's widgets: one ES module each, alive in a notebook and on a page without a kernel."""

from conv2attn.widgets.heads_at_work import HeadsAtWork

__all__ = ["HeadsAtWork"]
