((call target: (identifier) @_word (arguments . (alias) @name) (do_block) @body) @module
  (#eq? @_word "defmodule"))
((call target: (identifier) @_word (arguments . (alias) @name) (do_block) @body) @interface
  (#eq? @_word "defprotocol"))
((call target: (identifier) @_word (arguments . (alias) @name) (do_block) @body) @impl
  (#eq? @_word "defimpl"))
((call
  target: (identifier) @_word
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name))
  ])
  (do_block)? @body) @function
  (#any-of? @_word "def" "defp" "defdelegate" "defguard" "defguardp" "defn" "defnp"))
((call
  target: (identifier) @_word
  (arguments . [(identifier) @name (call target: (identifier) @name) (binary_operator left: (call target: (identifier) @name))])
  (do_block)? @body) @macro
  (#any-of? @_word "defmacro" "defmacrop"))

[(identifier) (alias)] @id
