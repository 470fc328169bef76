(class_definition name: (identifier) @name) @class
(mixin_declaration (mixin) . (identifier) @name) @trait
(extension_declaration name: (identifier) @name) @impl
(enum_declaration name: (identifier) @name) @enum
(type_alias . (type_identifier) @name) @type
((function_signature name: (identifier) @name) @function . (function_body) @function @body)
((method_signature (function_signature name: (identifier) @name)) @function . (function_body) @function @body)
((method_signature (getter_signature name: (identifier) @name)) @function . (function_body) @function @body)
((method_signature (setter_signature name: (identifier) @name)) @function . (function_body) @function @body)
(declaration (function_signature name: (identifier) @name)) @function
(static_final_declaration (identifier) @name) @variable

[(identifier) (type_identifier)] @id
