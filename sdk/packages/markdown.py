"""The blocks of code of a document, as they stand there. Knows nothing of what they are for."""
import re

_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(document, language):
    """The text of every block in a language, in order."""
    return [text for name, text in _BLOCK.findall(document.read_text()) if name == language]


def lines(text):
    """How many lines say something."""
    return sum(1 for line in text.splitlines() if line.strip())
