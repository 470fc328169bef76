"""What never enters an index, a log or an export: secrets by their shape, by their place, and files by their name.

Three kinds of rule find a secret. A service's own shape (`ghp_…`, `AKIA…`) is enough by itself: gitleaks' rules and
ours, kept as data. A place says that what stands there is one (`password = …`, `Authorization: …`, `https://user:…@`),
and its value decides. A block is one as a whole (a private key, the data of a Kubernetes secret).

A redacted text keeps its lines, so places in it stay places in the file. What was taken out is marked by `REDACTED`, a
code point that Unicode keeps out of every text: it is no letter, no word and no token of any language, so nothing
matches it by chance, and whoever offers text can tell it for certain.
"""
