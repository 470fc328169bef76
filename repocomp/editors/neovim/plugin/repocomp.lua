-- repocomp: code completion that knows the repository, as ghost text. See :help repocomp
if vim.g.loaded_repocomp or vim.fn.has('nvim-0.10') == 0 then
  return
end
vim.g.loaded_repocomp = true
require('repocomp').setup()
