(function_declaration name: (identifier) @name) @function
(function_declaration name: (dot_index_expression field: (identifier) @name)) @function
(function_declaration name: (method_index_expression method: (identifier) @name)) @function
(assignment_statement
  (variable_list name: (identifier) @name)
  (expression_list value: (function_definition body: (block)? @body))) @function
(assignment_statement
  (variable_list name: (dot_index_expression field: (identifier) @name))
  (expression_list value: (function_definition body: (block)? @body))) @function
(field name: (identifier) @name value: (function_definition body: (block)? @body)) @function

(identifier) @id
