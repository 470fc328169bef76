(class_definition name: (identifier) @name) @class
(object_definition name: (identifier) @name) @class
(trait_definition name: (identifier) @name) @trait
(enum_definition name: (identifier) @name) @enum
(function_definition name: (identifier) @name) @function
(function_declaration name: (identifier) @name) @function
(template_body (val_definition pattern: (identifier) @name) @property)
(type_definition name: (type_identifier) @name) @type

[(identifier) (type_identifier)] @id
