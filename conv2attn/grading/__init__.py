"""Grading: the learner's answers in the reference notebook, judged by nbval.

    conv2attn grade exercises/08-convolution-as-attention.ipynb

`engine` grades files: `merge` puts the answers into the reference, `judge` runs pytest with
nbval on it, `remote` and `keeper` run the learner's code apart from the judge's, `report` says
what came out. Each process imports what it needs, and this package itself nothing.
"""
