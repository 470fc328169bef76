(class_declaration "class" name: (identifier) @name (class_body)? @body) @class
(class_declaration "class" name: (identifier) @name (enum_class_body) @body) @enum
(class_declaration "interface" name: (identifier) @name (class_body)? @body) @interface
(object_declaration name: (identifier) @name (class_body)? @body) @class
(function_declaration name: (identifier) @name (function_body)? @body) @function
(class_body (property_declaration (variable_declaration (identifier) @name)) @property)
(source_file (property_declaration (variable_declaration (identifier) @name)) @property)
(type_alias type: (identifier) @name) @type

(identifier) @id
