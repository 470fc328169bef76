; The last label of a block is its name.
((block . (identifier) @_word (string_lit (template_literal) @name) . (block_start) (body)? @body) @resource
  (#any-of? @_word "resource" "data" "ephemeral"))
((block . (identifier) @_word (string_lit (template_literal) @name) . (block_start) (body)? @body) @variable
  (#any-of? @_word "variable" "output"))
((block . (identifier) @_word (string_lit (template_literal) @name) . (block_start) (body)? @body) @module
  (#eq? @_word "module"))
((block . (identifier) @_word (string_lit (template_literal) @name) . (block_start) (body)? @body) @block
  (#not-match? @_word "^(resource|data|ephemeral|variable|output|module)$"))
((block . (identifier) @_word (body (attribute (identifier) @name) @variable))
  (#eq? @_word "locals"))

(identifier) @id
