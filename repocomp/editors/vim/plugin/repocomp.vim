" repocomp: code completion that knows the repository, as ghost text. See :help repocomp
if exists('g:loaded_repocomp') || !has('vim9script') || !has('textprop') || !has('job') || &encoding !=# 'utf-8'
  finish
endif
let g:loaded_repocomp = 1

let g:repocomp_command = get(g:, 'repocomp_command', ['@REPOCOMP@', 'lsp'])
let g:repocomp_debounce_ms = get(g:, 'repocomp_debounce_ms', 100)
let g:repocomp_settings = get(g:, 'repocomp_settings', {})
let g:repocomp_enabled = get(g:, 'repocomp_enabled', 1)

highlight default link RepocompGhost NonText

command! -nargs=1 -complete=customlist,repocomp#Words Repocomp call repocomp#Command(<q-args>)

inoremap <silent> <Plug>(repocomp-accept) <Cmd>call repocomp#Accept()<CR>
inoremap <silent> <Plug>(repocomp-accept-word) <Cmd>call repocomp#AcceptWord()<CR>
inoremap <silent> <Plug>(repocomp-accept-line) <Cmd>call repocomp#AcceptLine()<CR>
inoremap <silent> <Plug>(repocomp-dismiss) <Cmd>call repocomp#Dismiss()<CR>

if !get(g:, 'repocomp_no_maps')
  " A key that does something already keeps doing it while there is no ghost text.
  inoremap <silent> <C-Right> <Cmd>call repocomp#AcceptWord("\<lt>C-Right>")<CR>
  inoremap <silent> <C-]> <Cmd>call repocomp#Dismiss("\<lt>C-]>")<CR>
  if empty(maparg('<Tab>', 'i'))
    inoremap <silent> <Tab> <Cmd>call repocomp#Accept("\<lt>Tab>")<CR>
  endif
endif

augroup repocomp
  autocmd!
  autocmd InsertEnter,TextChangedI,CursorMovedI * call repocomp#Typed()
  autocmd TextChangedP * call repocomp#Hide()
  autocmd InsertLeave * call repocomp#Left()
  " Ctrl-C leaves without InsertLeave: what was shown then was neither taken nor turned down.
  autocmd ModeChanged i:n call timer_start(0, {-> repocomp#Hide()})
  autocmd BufLeave * call repocomp#Sync(str2nr(expand('<abuf>')))
  autocmd BufWritePost * call repocomp#Saved(str2nr(expand('<abuf>')))
  autocmd BufUnload * call repocomp#Closed(str2nr(expand('<abuf>')))
  autocmd VimLeavePre * call repocomp#Stop()
augroup END
