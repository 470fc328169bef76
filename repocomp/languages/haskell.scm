(declarations (signature name: (variable) @name) @function)
(declarations (function name: (variable) @name match: (match) @body) @function)
(declarations (bind name: (variable) @name match: (match) @body) @function)
(class_declarations (signature name: (variable) @name) @function)
(class_declarations (function name: (variable) @name match: (match) @body) @function)
(instance_declarations (function name: (variable) @name match: (match) @body) @function)
(instance_declarations (bind name: (variable) @name match: (match) @body) @function)
(data_type name: (name) @name) @type
(newtype name: (name) @name) @type
(type_synonym name: (name) @name) @type
(class name: (name) @name (class_declarations)? @body) @class
(instance name: (name) @name (instance_declarations)? @body) @impl

[(variable) (name) (constructor)] @id
