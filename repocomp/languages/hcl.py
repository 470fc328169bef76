"""HCL, the language of Terraform."""

from __future__ import annotations

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

LANGUAGE = Language(
    name="hcl",
    grammar=("tree_sitter_hcl", "language"),
    query=("hcl",),
    extensions=(".tf", ".tofu", ".tfvars", ".hcl", ".nomad"),
    other_names=("terraform", "tf"),
    reserved=frozenset("for in if else endif endfor true false null dynamic".split()),
    class_words=(),
    import_words=(),
    self_words=(),
    line_comment="#",
    strings=('"',),
    opens_block=("{", "[", "("),
    jumps="",
    string_nodes=frozenset({"string_lit", "quoted_template", "heredoc_template"}),
    # A module is a folder, and its block names it; the call lies a line or more above its source.
    imports=whole_modules(r"^[ \t]*source[ \t]*=[ \t]*\"(\.[^\"\n]+)\"", "/"),
    module_files=(),
    modules_are_folders=True,
)
