"""The tables behind symbol extraction: what each grammar calls a definition and an identifier."""

from __future__ import annotations

import re

CONTAINERS = frozenset({"class", "interface", "struct", "enum", "trait", "module", "impl", "namespace", "record"})
"""Kinds that own what is defined in them."""

BASES = re.compile(
    r"^class\s+\w+\s*\((?P<python>[^()]*)\)|\bextends\s+(?P<extends>[\w.,\s]+?)(?=\s+implements|$)"
    r"|^(?:class|module)\s+\w+\s*<\s*(?P<ruby>[\w:]+)\s*(?=$|#|;)|\b(?:class|struct|interface|record)\s+\w+[^:]*?\s:\s*(?P<colon>[\w.,\s:<>]+)$"
)
"""The classes that a class signature names as its bases."""

_JAVASCRIPT = """
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(method_definition name: (_) @name) @function
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)]) @function
"""
_TYPESCRIPT = (
    _JAVASCRIPT
    + """
(class_declaration name: (type_identifier) @name) @class
(abstract_class_declaration name: (type_identifier) @name) @class
(interface_declaration name: (type_identifier) @name) @interface
(type_alias_declaration name: (type_identifier) @name) @type
(enum_declaration name: (identifier) @name) @enum
"""
)
_C = """
(function_definition declarator: (function_declarator declarator: (identifier) @name)) @function
(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))) @function
(struct_specifier name: (type_identifier) @name body: (_)) @struct
(enum_specifier name: (type_identifier) @name body: (_)) @enum
(type_definition declarator: (type_identifier) @name) @type
(preproc_def name: (identifier) @name) @macro
(preproc_function_def name: (identifier) @name) @macro
"""

DEFINITIONS: dict[str, str] = {
    "python": """
(function_definition name: (identifier) @name) @function
(class_definition name: (identifier) @name) @class
""",
    "javascript": _JAVASCRIPT + "(class_declaration name: (identifier) @name) @class",
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "java": """
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(enum_declaration name: (identifier) @name) @enum
(record_declaration name: (identifier) @name) @record
(method_declaration name: (identifier) @name) @function
(constructor_declaration name: (identifier) @name) @function
""",
    "go": """
(function_declaration name: (identifier) @name) @function
(method_declaration name: (field_identifier) @name) @function
(type_spec name: (type_identifier) @name) @type
""",
    "rust": """
(function_item name: (identifier) @name) @function
(function_signature_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @struct
(enum_item name: (type_identifier) @name) @enum
(trait_item name: (type_identifier) @name) @trait
(impl_item type: (_) @name) @impl
(mod_item name: (identifier) @name) @module
(type_item name: (type_identifier) @name) @type
(macro_definition name: (identifier) @name) @macro
""",
    "c": _C,
    "cpp": _C
    + """
(function_definition declarator: (function_declarator declarator: (qualified_identifier) @name)) @function
(function_definition declarator: (function_declarator declarator: (field_identifier) @name)) @function
(class_specifier name: (type_identifier) @name body: (_)) @class
(namespace_definition name: (_) @name) @namespace
""",
    "c_sharp": """
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(struct_declaration name: (identifier) @name) @struct
(enum_declaration name: (identifier) @name) @enum
(record_declaration name: (identifier) @name) @record
(method_declaration name: (identifier) @name) @function
(constructor_declaration name: (identifier) @name) @function
(property_declaration name: (identifier) @name) @property
""",
    "ruby": """
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(class name: (_) @name) @class
(module name: (_) @name) @module
""",
    "php": """
(function_definition name: (name) @name) @function
(method_declaration name: (name) @name) @function
(class_declaration name: (name) @name) @class
(interface_declaration name: (name) @name) @interface
(trait_declaration name: (name) @name) @trait
(enum_declaration name: (name) @name) @enum
""",
    "bash": "(function_definition name: (word) @name) @function",
}
"""Queries that capture `@name` and the whole definition under its kind."""

_ID = "(identifier) @id"
_TS_IDS = "[(identifier) (property_identifier) (type_identifier) (shorthand_property_identifier)] @id"
IDENTIFIERS: dict[str, str] = {
    "python": _ID,
    "javascript": "[(identifier) (property_identifier) (shorthand_property_identifier)] @id",
    "typescript": _TS_IDS,
    "tsx": _TS_IDS,
    "java": "[(identifier) (type_identifier)] @id",
    "go": "[(identifier) (field_identifier) (type_identifier) (package_identifier)] @id",
    "rust": "[(identifier) (field_identifier) (type_identifier)] @id",
    "c": "[(identifier) (field_identifier) (type_identifier)] @id",
    "cpp": "[(identifier) (field_identifier) (type_identifier) (namespace_identifier)] @id",
    "c_sharp": _ID,
    "ruby": "[(identifier) (constant)] @id",
    "php": "(name) @id",
    "bash": "[(variable_name) (command_name)] @id",
}
"""Queries that capture every identifier as `@id`."""
