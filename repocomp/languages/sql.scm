(create_table (object_reference name: (identifier) @name) (column_definitions)? @body) @table
(create_view (object_reference name: (identifier) @name) (create_query)? @body) @view
(create_materialized_view (object_reference name: (identifier) @name) (create_query)? @body) @view
(create_function (object_reference name: (identifier) @name) (function_body)? @body) @function
(create_procedure (object_reference name: (identifier) @name) (procedure_body)? @body) @function
(create_trigger . (keyword_create) (keyword_trigger) . (object_reference name: (identifier) @name)) @function
(create_index column: (identifier) @name) @index
(create_type (object_reference name: (identifier) @name)) @type

(identifier) @id
