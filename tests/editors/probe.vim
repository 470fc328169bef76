" Writes what the editor holds into $PROBE whenever that changes: text, cursor, mode, ghost text and status.
function! s:Ghost() abort
  if has('nvim')
    let ghost = []
    for mark in nvim_buf_get_extmarks(0, nvim_create_namespace('repocomp'), 0, -1, {'details': v:true})
      let ghost += [join(map(copy(get(mark[3], 'virt_text', [])), 'v:val[0]'), '')]
      let ghost += map(copy(get(mark[3], 'virt_lines', [])), 'v:val[0][0]')
    endfor
    return ghost
  endif
  let props = empty(prop_type_get('repocomp')) ? [] : prop_list(1, {'end_lnum': -1, 'types': ['repocomp']})
  if empty(props)
    return []
  endif
  " What stands on the screen after the text before the cursor, and in the rows below that belong to no line.
  let row = screenpos(win_getid(), line('.'), 1).row
  let after = strpart(getline('.'), col('.') - 1)
  let rest = strpart(s:Row(row), strdisplaywidth(strpart(getline('.'), 0, col('.') - 1)))
  let ghost = [strpart(rest, 0, len(rest) - len(after))]
  return ghost + map(range(1, len(filter(copy(props), 'v:val.col == 0 || v:val.col > &columns * 1000'))), 's:Row(row + v:val)')
endfunction

function! s:Row(row) abort
  return substitute(join(map(range(1, &columns), 'screenstring(a:row, v:val)'), ''), ' *$', '', '')
endfunction

function! s:State() abort
  let status = has('nvim') ? luaeval('require("repocomp").status()') : repocomp#Status()
  return {'lines': getline(1, '$'), 'line': line('.'), 'column': col('.'), 'mode': mode(), 'ghost': s:Ghost(),
    \ 'status': status, 'messages': execute('messages')}
endfunction

let s:last = ''
function! s:Probe(timer) abort
  try
    let now = json_encode(s:State())
  catch
    let now = json_encode({'error': v:exception .. v:throwpoint})
  endtry
  if now !=# s:last
    call writefile([now], $PROBE .. '.new')
    call rename($PROBE .. '.new', $PROBE)
    let s:last = now
  endif
endfunction
call timer_start(20, function('s:Probe'), {'repeat': -1})
