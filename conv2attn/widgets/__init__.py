"""The course's widgets: one ES module each, alive in a notebook and on a page without a kernel."""

from conv2attn.widgets.attention_by_hand import AttentionByHand
from conv2attn.widgets.constraint_lens import ConstraintLens
from conv2attn.widgets.emblem import Emblem
from conv2attn.widgets.field_of_view import FieldOfView
from conv2attn.widgets.heads_at_work import HeadsAtWork
from conv2attn.widgets.kernel_bench import KernelBench
from conv2attn.widgets.kernel_only import KernelOnly
from conv2attn.widgets.look_from_here import LookFromHere

__all__ = [
    "AttentionByHand",
    "ConstraintLens",
    "Emblem",
    "FieldOfView",
    "HeadsAtWork",
    "KernelBench",
    "KernelOnly",
    "LookFromHere",
]
