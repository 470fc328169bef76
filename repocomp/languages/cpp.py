"""C++, CUDA included."""

from __future__ import annotations

import re

from repocomp.languages import c
from repocomp.languages.language import Language

_NOT_ITS_OWN = r"""(?xs)
/\*.*?(?:\*/|\Z)
| //[^\n]*
| ^[ \t]*\#[ \t]*if[^\n]*\b__cplusplus\b.*?(?:^[ \t]*\#[ \t]*(?:else|endif)|\Z)
"""
"""Comments, and what a C header says to C++ compilers alone."""
_SIGNS = r"""(?x)
^[ \t]*(?:
    (?:enum[ \t]+)?(?:class|struct)\b[^;:{}()\n]*:[^;{}()\n]*(?:\{|$)
  | (?:enum[ \t]+)?class[ \t]+[\w \t]+(?:;|\{|$)
  | (?:inline[ \t]+)?namespace\b[\w: \t]*(?:\{|$)
  | (?:public|private|protected)[ \t]*:
  | (?:extern[ \t]+)?template[ \t]*<
  | using[ \t]+(?:namespace[ \t]+)?[\w:]+[ \t]*[;=]
  | (?:static[ \t]+|inline[ \t]+)*(?:virtual|explicit|constexpr|friend)[ \t]+\w
  | \#[ \t]*include[ \t]*<[a-z_]+>
)
| \b(?:std|boost|absl)::\w
| \boperator[ \t]*[^\w\s;][^\w]*\(
| \)[ \t]*(?:const[ \t]+)?(?:noexcept|override|final)\b
"""
"""What stands in headers of C++ and never in those of C."""


def _is_header(text: str) -> bool:
    own = re.sub(_NOT_ITS_OWN, " ", text, flags=re.M)
    return re.search(_SIGNS, own, re.M) is not None


LANGUAGE = Language(
    name="cpp",
    grammar=("tree_sitter_cpp", "language"),
    query=("c", "cpp"),
    extensions=(".cc", ".cpp", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".ipp", ".inl", ".tpp", ".cu", ".cuh"),
    claims=((".h", _is_header),),
    other_names=("c++", "cuda"),
    class_words=("class", "struct"),
    import_words=("include", "using"),
    empty_blocks=("{}",),
    string_nodes=c.LANGUAGE.string_nodes | {"raw_string_literal"},
    bases=r"\b(?:class|struct)\s+\w+[^:]*?\s:\s*([\w.,\s:<>]+)$",
    imports=c.INCLUDES,
)
