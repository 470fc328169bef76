(function_definition name: (word) @name) @function

[(variable_name) (command_name)] @id
