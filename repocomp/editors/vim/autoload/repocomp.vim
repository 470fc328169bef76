vim9script
# The client of `repocomp lsp`: it sends what is typed, shows the answer as virtual text, and says what became of it.

const TYPE = 'repocomp'
const STARTS_MS = [0, 1000, 5000, 30000]
const ERROR_LINES = 20

var job: job
var channel: channel
var is_ready = false
var starts = 0
var problem = ''
var errors: list<string> = []
var progress = ''

# Buffers that the server has open, with the change they were last sent at; folders of the workspace it knows.
var opened: dict<number> = {}
var folders: dict<bool> = {}

var timer = 0
var pending = 0
# What is shown: {buffer, line, column, text, id, taken}; `taken` is what was accepted of it word by word.
var ghost: dict<any> = {}
var asked_at: list<any> = []

# ---- what keys and commands do

export def Accept(otherwise: string = ''): void
  if empty(ghost) || pumvisible()
    Type(otherwise)
    return
  endif
  var shown = ghost
  Take(shown.text)
  Say('repocomp.accept', [shown.id])
enddef

export def AcceptWord(otherwise: string = ''): void
  AcceptPart('^\_s*\%(\k\+\|[^[:keyword:][:space:]]\+\)', otherwise)
enddef

export def AcceptLine(otherwise: string = ''): void
  AcceptPart('^\n\=[^\n]*', otherwise)
enddef

export def Dismiss(otherwise: string = ''): void
  if empty(ghost)
    Type(otherwise)
    return
  endif
  Say('repocomp.reject', [ghost.id])
  asked_at = Here()
  Hide()
enddef

export def Words(lead: string, line: string, at: number): list<string>
  return ['enable', 'disable', 'toggle', 'status', 'restart']->filter((_, word) => stridx(word, lead) == 0)
enddef

export def Command(word: string): void
  if word ==# 'enable' || word ==# 'disable' || word ==# 'toggle'
    g:repocomp_enabled = word ==# 'toggle' ? !g:repocomp_enabled : word ==# 'enable'
    Hide()
  elseif word ==# 'restart'
    Stop()
    starts = 0
    problem = ''
    Start()
  elseif word !=# 'status'
    Warn('no such command: ' .. word)
    return
  endif
  echo join(['repocomp: ' .. (Status() ?? 'idle'), 'command: ' .. join(g:repocomp_command)] + errors, "\n")
enddef

# For 'statusline': nothing while all is well and nothing goes on.
export def Status(): string
  if !g:repocomp_enabled
    return 'repocomp off'
  elseif problem !=# ''
    return 'repocomp !'
  elseif progress !=# ''
    return 'repocomp ' .. progress
  endif
  return pending > 0 ? 'repocomp ...' : ''
enddef

# ---- what autocommands do

export def Typed(): void
  if !Wanted()
    Hide()
    return
  endif
  if ShrinkGhost() || Here() == asked_at
    return
  endif
  Hide()
  Cancel()
  timer_stop(timer)
  timer = timer_start(g:repocomp_debounce_ms, (_) => Ask())
enddef

# Esc: what was shown was not wanted. Ctrl-O comes back.
export def Left(): void
  if !empty(ghost) && mode(1) !~# '^ni'
    Say('repocomp.reject', [ghost.id])
  endif
  Hide()
  Cancel()
  timer_stop(timer)
enddef

export def Hide(): void
  if !empty(ghost) && bufexists(ghost.buffer)
    prop_remove({type: TYPE, bufnr: ghost.buffer, all: true})
  endif
  ghost = {}
enddef

# Another buffer than the one that is typed in is read by the server as it stands here.
export def Sync(buffer: number): void
  if is_ready && has_key(opened, buffer) && bufloaded(buffer) && opened[buffer] != Tick(buffer)
    opened[buffer] = Tick(buffer)
    Notify('textDocument/didChange',
      {textDocument: {uri: Uri(buffer), version: opened[buffer]}, contentChanges: [{text: Text(buffer)}]})
  endif
enddef

export def Saved(buffer: number): void
  if is_ready && has_key(opened, buffer)
    Sync(buffer)
    Notify('textDocument/didSave', {textDocument: {uri: Uri(buffer)}})
  endif
enddef

export def Closed(buffer: number): void
  if has_key(opened, buffer)
    remove(opened, buffer)
    Notify('textDocument/didClose', {textDocument: {uri: Uri(buffer)}})
  endif
enddef

export def Stop(): void
  Hide()
  if job->job_status() ==# 'run'
    if is_ready
      # The reply says that what was said before is written.
      ch_evalexpr(channel, {method: 'shutdown'}, {timeout: 500})
      Notify('exit', {})
    endif
    is_ready = false
    job_stop(job)
  endif
enddef

# ---- asking

def Wanted(): bool
  return g:repocomp_enabled && get(b:, 'repocomp_enabled', true) && &buftype ==# '' && &modifiable
    && expand('%') !=# '' && mode() ==# 'i' && !pumvisible()
enddef

def Here(): list<any>
  return [bufnr(), b:changedtick, line('.'), col('.')]
enddef

def Ask(): void
  if !Wanted()
    return
  elseif !is_ready
    Start()
    return
  endif
  var buffer = bufnr()
  Open(buffer)
  Sync(buffer)
  asked_at = Here()
  var at = asked_at
  var sent = ch_sendexpr(channel, {method: 'textDocument/inlineCompletion', params: {
    textDocument: {uri: Uri(buffer)},
    position: {line: line('.') - 1, character: col('.') - 1},
    context: {triggerKind: 2},
  }}, {callback: (_, reply) => Answered(at, reply)})
  pending = type(sent) == v:t_dict ? sent.id : 0
  redrawstatus
enddef

def Cancel(): void
  if pending > 0 && is_ready
    Notify('$/cancelRequest', {id: pending})
  endif
  pending = 0
enddef

def Answered(at: list<any>, reply: dict<any>): void
  pending = reply->get('id') == pending ? 0 : pending
  redrawstatus
  var result = reply->get('result')
  if type(result) != v:t_dict || empty(result.items) || at != Here() || !Wanted()
    return
  endif
  var item = result.items[0]
  ghost = {buffer: at[0], line: at[2], column: at[3], text: item.insertText, id: item.command.arguments[0], taken: ''}
  Draw()
  Say('repocomp.shown', [ghost.id])
enddef

def Say(command: string, arguments: list<string>): void
  if is_ready
    ch_sendexpr(channel, {method: 'workspace/executeCommand', params: {command: command, arguments: arguments}},
      {callback: (_, _) => 0})
  endif
enddef

# ---- ghost text

def Draw(): void
  if empty(prop_type_get(TYPE))
    prop_type_add(TYPE, {highlight: 'RepocompGhost', combine: false})
  endif
  prop_remove({type: TYPE, bufnr: ghost.buffer, all: true})
  var lines = split(ghost.text, "\n", true)
  if lines[0] !=# ''
    prop_add(ghost.line, ghost.column, {type: TYPE, bufnr: ghost.buffer, text: Visible(lines[0])})
  endif
  for line in lines[1 :]
    prop_add(ghost.line, 0, {type: TYPE, bufnr: ghost.buffer, text: Visible(line) ?? ' ', text_align: 'below', text_wrap: 'truncate'})
  endfor
  redraw
enddef

def Visible(text: string): string
  return substitute(text, '\t', repeat(' ', &tabstop), 'g')
enddef

# Whether what was typed is what was shown: then the rest of it stays, and nobody is asked.
def ShrinkGhost(): bool
  if empty(ghost) || bufnr() != ghost.buffer || line('.') != ghost.line || col('.') < ghost.column
    return false
  endif
  var typed = strpart(getline('.'), ghost.column - 1, col('.') - ghost.column)
  if stridx(ghost.text, typed) != 0 || len(typed) == len(ghost.text)
    return false
  endif
  if typed !=# ''
    ghost.text = strpart(ghost.text, len(typed))
    ghost.column += len(typed)
    ghost.taken ..= typed
    asked_at = Here()
    Draw()
  endif
  return true
enddef

def AcceptPart(pattern: string, otherwise: string): void
  if empty(ghost) || pumvisible()
    Type(otherwise)
    return
  endif
  var part = matchstr(ghost.text, pattern)
  if part ==# '' || len(part) >= len(ghost.text)
    Accept()
    return
  endif
  var shown = ghost
  Take(part)
  shown.text = strpart(shown.text, len(part))
  shown.taken ..= part
  [shown.line, shown.column] = [line('.'), col('.')]
  ghost = shown
  asked_at = Here()
  Draw()
  Say('repocomp.acceptPart', [shown.id, shown.taken])
enddef

# Put text in at the cursor: it is set and not typed, so nothing indents it once more.
def Take(text: string): void
  Hide()
  var at = getline('.')
  var column = col('.') - 1
  var lines = split(text, "\n", true)
  var end = len(lines) == 1 ? column + len(lines[0]) : len(lines[-1])
  lines[0] = strpart(at, 0, column) .. lines[0]
  lines[-1] ..= strpart(at, column)
  setline('.', lines[0])
  append('.', lines[1 :])
  cursor(line('.') + len(lines) - 1, end + 1)
  asked_at = []
enddef

def Type(keys: string): void
  if keys !=# ''
    feedkeys(keys, 'in')
  endif
enddef

# ---- the server

def Start(): void
  if job->job_status() ==# 'run'
    return
  elseif starts >= len(STARTS_MS)
    return
  endif
  is_ready = false
  [opened, folders] = [{}, {}]
  job = job_start(g:repocomp_command, {
    in_mode: 'lsp', out_mode: 'lsp', err_mode: 'nl', noblock: 1, cwd: expand('~'),
    out_cb: (_, message) => Heard(message),
    err_cb: (_, line) => Failed(line),
    exit_cb: (_, code) => Ended(code),
  })
  if job->job_status() !=# 'run'
    Problem('cannot start ' .. g:repocomp_command[0])
    return
  endif
  channel = job_getchannel(job)
  var folder = Root(bufnr())
  folders[folder] = true
  ch_sendexpr(channel, {method: 'initialize', params: {
    processId: getpid(),
    rootUri: v:null,
    workspaceFolders: [Folder(folder)],
    capabilities: {
      general: {positionEncodings: ['utf-8']},
      textDocument: {inlineCompletion: {}},
      window: {workDoneProgress: true},
    },
    initializationOptions: {reportsShown: true, settings: g:repocomp_settings},
  }}, {callback: (_, reply) => Ready(reply)})
enddef

def Ready(reply: dict<any>): void
  if !has_key(reply, 'result')
    Problem('the server refused: ' .. string(reply->get('error')))
    return
  endif
  Notify('initialized', {})
  is_ready = true
  problem = ''
  Ask()
enddef

def Ended(code: number): void
  is_ready = false
  Hide()
  if type(v:exiting) == v:t_none && code != 0
    starts += 1
    Problem('the server ended with code ' .. code .. '; see :Repocomp status')
    if starts < len(STARTS_MS)
      timer_start(STARTS_MS[starts], (_) => Start())
    endif
  endif
enddef

def Heard(message: dict<any>): void
  var method = message->get('method', '')
  if method ==# 'window/showMessage'
    Warn(message.params.message)
  elseif method ==# '$/progress'
    var value = message.params.value
    progress = value.kind ==# 'end' ? '' : value->get('percentage', 0) .. ' %'
    redrawstatus
  endif
enddef

def Failed(line: string): void
  errors = (errors + [line])[-ERROR_LINES :]
enddef

def Problem(text: string): void
  if problem ==# ''
    Warn('repocomp: ' .. text)
  endif
  problem = text
enddef

def Warn(text: string): void
  echohl WarningMsg
  echomsg text
  echohl None
enddef

def Notify(method: string, params: dict<any>): void
  if job->job_status() ==# 'run'
    ch_sendexpr(channel, {method: method, params: params})
  endif
enddef

# ---- documents

def Open(buffer: number): void
  if has_key(opened, buffer)
    return
  endif
  var folder = Root(buffer)
  if !has_key(folders, folder)
    folders[folder] = true
    Notify('workspace/didChangeWorkspaceFolders', {event: {added: [Folder(folder)], removed: []}})
  endif
  opened[buffer] = Tick(buffer)
  Notify('textDocument/didOpen', {textDocument: {
    uri: Uri(buffer), languageId: getbufvar(buffer, '&filetype'), version: opened[buffer], text: Text(buffer)}})
enddef

def Tick(buffer: number): number
  return getbufvar(buffer, 'changedtick')
enddef

def Text(buffer: number): string
  var end = getbufvar(buffer, '&fileformat') ==# 'dos' ? "\r\n" : "\n"
  return join(getbufline(buffer, 1, '$'), end) .. (getbufvar(buffer, '&endofline') ? end : '')
enddef

def Root(buffer: number): string
  var file = fnamemodify(bufname(buffer), ':p')
  var marker = finddir('.git', fnamemodify(file, ':h') .. ';') ?? findfile('.git', fnamemodify(file, ':h') .. ';')
  return fnamemodify(marker ==# '' ? file : fnamemodify(marker, ':p')->substitute('[\\/]$', '', ''), ':h')
enddef

def Folder(path: string): dict<string>
  return {uri: FileUri(path), name: fnamemodify(path, ':t')}
enddef

def Uri(buffer: number): string
  return FileUri(fnamemodify(bufname(buffer), ':p'))
enddef

def FileUri(path: string): string
  var slashed = has('win32') ? '/' .. substitute(path, '\\', '/', 'g') : path
  return 'file://' .. substitute(slashed, '[^A-Za-z0-9/._~:-]', (m) => Escaped(m[0]), 'g')
enddef

def Escaped(character: string): string
  return range(len(character))->map((_, at) => printf('%%%02X', char2nr(strpart(character, at, 1))))->join('')
enddef
