(class_declaration name: (identifier) @name) @class

[(identifier) (property_identifier) (shorthand_property_identifier)] @id
