"""Text by strangers, made fit to be shown."""

import unicodedata

# Controls, direction marks and other characters without a shape, halves of characters, private and unknown ones.
UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def harmless(text: str) -> str:
    """`text` on one line, in which what has no shape is named: it cannot steer a terminal or turn words around.

    >>> harmless("a\\n\\u202eb")
    'a ‹U+202E›b'
    """
    shown = (" " if char in "\t\r\n" else char for char in text)
    return "".join(f"‹U+{ord(char):04X}›" if unicodedata.category(char) in UNSHOWN else char for char in shown)
