; Beside what C has.
(function_definition
  declarator: (function_declarator
    declarator: [(qualified_identifier) (field_identifier) (operator_name) (destructor_name)] @name)) @function
; Behind a pointer or a reference.
(function_definition
  declarator: (_
    (function_declarator
      declarator: [(identifier) (qualified_identifier) (field_identifier) (operator_name)] @name))) @function
; A macro between the word and the name, which exports the class, reads as its name, and the rest as a function.
(function_definition type: (class_specifier !body) declarator: (identifier) @name) @class
(function_definition type: (struct_specifier !body) declarator: (identifier) @name) @struct
(alias_declaration name: (type_identifier) @name) @type
(class_specifier name: (type_identifier) @name body: (_)) @class
(namespace_definition name: (_) @name) @namespace

(namespace_identifier) @id
