(function_declaration name: (identifier) @name) @function
(method_declaration name: (field_identifier) @name) @function
(type_spec name: (type_identifier) @name) @type

[(identifier) (field_identifier) (type_identifier) (package_identifier)] @id
