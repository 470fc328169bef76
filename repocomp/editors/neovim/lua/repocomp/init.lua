-- The client of `repocomp lsp`: Neovim keeps the documents in step; this asks, shows the answer as virtual text, and
-- says what became of it.
local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('repocomp')
local METHOD = 'textDocument/inlineCompletion'

local ghost -- what is shown: {buffer, row, column, text, id, taken}, from 0; `taken` was accepted word by word
local asked_at -- where was asked last; the same place is not asked twice
local pending -- the request that is under way: {client, id}
local timer = assert(vim.uv.new_timer())
local problem, progress

-- Global variables, as in Vim, so that one set of settings serves both.
local function setting(name, default)
  local value = vim.g['repocomp_' .. name]
  if value == nil then
    return default
  end
  return value
end

local function is_on(name, default)
  local value = setting(name, default)
  return value ~= false and value ~= 0
end

local function warn(text)
  vim.notify(text, vim.log.levels.WARN)
end

local function fail(text)
  if not problem then
    problem = text
    warn('repocomp: ' .. text .. ' (:Repocomp status)')
  end
end

-- The server -------------------------------------------------------------------------------------------------------

local handlers = {
  ['$/progress'] = function(_, result)
    local value = result.value
    progress = value.kind ~= 'end' and (value.percentage or 0) .. ' %' or nil
    vim.cmd.redrawstatus()
  end,
  ['window/workDoneProgress/create'] = function()
    return vim.NIL
  end,
}

local function capabilities()
  local found = vim.lsp.protocol.make_client_capabilities()
  found.general.positionEncodings = { 'utf-8', 'utf-16' }
  found.textDocument.inlineCompletion = { dynamicRegistration = false }
  return found
end

local function root_of(buffer)
  return vim.fs.root(buffer, '.git') or vim.fs.dirname(vim.api.nvim_buf_get_name(buffer))
end

local function is_wanted(buffer)
  return is_on('enabled', true)
    and vim.b[buffer].repocomp_enabled ~= false
    and vim.bo[buffer].buftype == ''
    and vim.bo[buffer].modifiable
    and vim.api.nvim_buf_get_name(buffer) ~= ''
end

-- The client that serves a buffer, started where none does; nil while it cannot be.
local function client_of(buffer)
  local client = vim.lsp.get_clients({ bufnr = buffer, name = 'repocomp' })[1]
  if client or problem then
    return client
  end
  local command = setting('command', { '@REPOCOMP@', 'lsp' })
  if vim.fn.executable(command[1]) == 0 then
    fail('cannot start ' .. command[1])
    return nil
  end
  vim.lsp.start({
    name = 'repocomp',
    cmd = command,
    root_dir = root_of(buffer),
    capabilities = capabilities(),
    init_options = { reportsShown = true, settings = setting('settings', vim.empty_dict()) },
    handlers = handlers,
    on_exit = function(code)
      if code ~= 0 then
        vim.schedule(function()
          fail('the server ended with code ' .. code)
        end)
      end
    end,
  }, { bufnr = buffer })
  return nil
end

-- Methods of a client are functions without `self` before 0.11.
local function call(client, name, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[name](client, ...)
  end
  return client[name](...)
end

local function say(command, ...)
  local buffer = ghost and ghost.buffer or 0
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = buffer, name = 'repocomp' })) do
    local params = { command = command, arguments = { ... } }
    call(client, 'request', 'workspace/executeCommand', params, function() end, buffer)
  end
end

-- Ghost text -------------------------------------------------------------------------------------------------------

local function visible(text)
  return (text:gsub('\t', (' '):rep(vim.bo.tabstop)))
end

local function draw()
  vim.api.nvim_buf_clear_namespace(ghost.buffer, NAMESPACE, 0, -1)
  local lines = vim.split(ghost.text, '\n', { plain = true })
  local below = {}
  for at = 2, #lines do
    below[#below + 1] = { { visible(lines[at]), 'RepocompGhost' } }
  end
  vim.api.nvim_buf_set_extmark(ghost.buffer, NAMESPACE, ghost.row, ghost.column, {
    virt_text = { { visible(lines[1]), 'RepocompGhost' } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
  })
end

local function hide()
  if ghost and vim.api.nvim_buf_is_valid(ghost.buffer) then
    vim.api.nvim_buf_clear_namespace(ghost.buffer, NAMESPACE, 0, -1)
  end
  ghost = nil
end

local function cursor()
  local at = vim.api.nvim_win_get_cursor(0)
  return at[1] - 1, at[2]
end

local function here()
  local buffer = vim.api.nvim_get_current_buf()
  local row, column = cursor()
  return ('%d %d %d %d'):format(buffer, vim.api.nvim_buf_get_changedtick(buffer), row, column)
end

-- Whether what was typed is what was shown: then the rest of it stays, and nobody is asked.
local function shrink()
  if not ghost or ghost.buffer ~= vim.api.nvim_get_current_buf() then
    return false
  end
  local row, column = cursor()
  if row ~= ghost.row or column < ghost.column then
    return false
  end
  local typed = vim.api.nvim_get_current_line():sub(ghost.column + 1, column)
  if #typed == #ghost.text or ghost.text:sub(1, #typed) ~= typed then
    return false
  end
  if typed ~= '' then
    ghost.text, ghost.column, ghost.taken = ghost.text:sub(#typed + 1), column, ghost.taken .. typed
    asked_at = here()
    draw()
  end
  return true
end

-- Put text in at the cursor: it is set and not typed, so nothing indents it once more.
local function take(text)
  hide()
  local row, column = cursor()
  local lines = vim.split(text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(0, row, column, row, column, lines)
  local last = #lines == 1 and column + #lines[1] or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines, last })
  asked_at = nil
end

-- Asking -----------------------------------------------------------------------------------------------------------

local function cancel()
  timer:stop()
  if pending then
    call(pending.client, 'cancel_request', pending.id)
  end
  pending = nil
end

local function answered(at, client, err, result)
  pending = nil
  vim.cmd.redrawstatus()
  local item = not err and result and (result.items or result)[1]
  if not item or at ~= here() or vim.fn.mode() ~= 'i' or vim.fn.pumvisible() == 1 then
    return
  end
  local row, column = cursor()
  ghost = {
    buffer = vim.api.nvim_get_current_buf(),
    row = row,
    column = column,
    text = item.insertText,
    id = item.command.arguments[1],
    taken = '',
  }
  draw()
  say('repocomp.shown', ghost.id)
end

local function ask()
  local buffer = vim.api.nvim_get_current_buf()
  if vim.fn.mode() ~= 'i' or not is_wanted(buffer) or vim.fn.pumvisible() == 1 then
    return
  end
  local client = client_of(buffer)
  if not client or not client.initialized then
    -- It starts: LspAttach asks again.
    return
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = 2 }
  local at = here()
  asked_at = at
  local is_sent, id = call(client, 'request', METHOD, params, function(err, result)
    answered(at, client, err, result)
  end, buffer)
  pending = is_sent and { client = client, id = id } or nil
  vim.cmd.redrawstatus()
end

local function typed()
  if not is_wanted(vim.api.nvim_get_current_buf()) then
    hide()
    return
  end
  if shrink() or here() == asked_at then
    return
  end
  hide()
  cancel()
  timer:start(setting('debounce_ms', 100), 0, vim.schedule_wrap(ask))
end

-- What keys and commands do ----------------------------------------------------------------------------------------

local function type_keys(keys)
  if keys == '<Tab>' and vim.snippet.active({ direction = 1 }) then
    vim.snippet.jump(1)
  elseif keys then
    vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), 'in', false)
  end
end

--- Accept what is shown, or type `otherwise`.
function M.accept(otherwise)
  if not ghost or vim.fn.pumvisible() == 1 then
    return type_keys(otherwise)
  end
  local shown = ghost
  take(shown.text)
  ghost = nil
  say('repocomp.accept', shown.id)
end

--- Accept the beginning of it that the pattern matches.
local function accept_part(pattern, otherwise)
  if not ghost or vim.fn.pumvisible() == 1 then
    return type_keys(otherwise)
  end
  local part = vim.fn.matchstr(ghost.text, pattern)
  if part == '' or #part >= #ghost.text then
    return M.accept()
  end
  local shown = ghost
  take(part)
  shown.text, shown.taken = shown.text:sub(#part + 1), shown.taken .. part
  shown.row, shown.column = cursor()
  ghost = shown
  asked_at = here()
  draw()
  say('repocomp.acceptPart', shown.id, shown.taken)
end

function M.accept_word(otherwise)
  accept_part([=[^\_s*\%(\k\+\|[^[:keyword:][:space:]]\+\)]=], otherwise)
end

function M.accept_line(otherwise)
  accept_part([=[^\n\=[^\n]*]=], otherwise)
end

--- Turn down what is shown, or type `otherwise`.
function M.dismiss(otherwise)
  if not ghost then
    return type_keys(otherwise)
  end
  say('repocomp.reject', ghost.id)
  hide()
  asked_at = here()
end

--- For the status line: nothing while all is well and nothing goes on.
function M.status()
  if not is_on('enabled', true) then
    return 'repocomp off'
  elseif problem then
    return 'repocomp !'
  elseif progress then
    return 'repocomp ' .. progress
  end
  return pending and 'repocomp ...' or ''
end

local function stop_clients()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'repocomp' })) do
    call(client, 'stop')
  end
end

local COMMANDS = {
  enable = function()
    vim.g.repocomp_enabled = true
  end,
  disable = function()
    vim.g.repocomp_enabled = false
    hide()
  end,
  toggle = function()
    vim.g.repocomp_enabled = not is_on('enabled', true)
    hide()
  end,
  restart = function()
    problem = nil
    stop_clients()
  end,
  status = function() end,
}

local function command(arguments)
  local run = COMMANDS[arguments.args]
  if not run then
    return warn('repocomp: no such command: ' .. arguments.args)
  end
  run()
  local lines = { 'repocomp: ' .. (M.status() ~= '' and M.status() or 'idle') }
  lines[#lines + 1] = problem
  lines[#lines + 1] = 'log: ' .. vim.lsp.get_log_path()
  vim.api.nvim_echo({ { table.concat(lines, '\n') } }, false, {})
end

-- Esc: what was shown was not wanted. Ctrl-O comes back.
local function left()
  if ghost and not vim.fn.mode(1):find('^ni') then
    say('repocomp.reject', ghost.id)
  end
  hide()
  cancel()
end

-- A key that means something already is left alone, but for Neovim's own Tab, which `type_keys` knows.
local function map(keys, run)
  local now = vim.fn.maparg(keys, 'i', false, true)
  if vim.tbl_isempty(now) or (now.desc or ''):find('^vim%.snippet%.jump') then
    vim.keymap.set('i', keys, function()
      run(keys)
    end, { silent = true, desc = 'repocomp' })
  end
end

--- Called once, by the plugin file.
function M.setup()
  vim.api.nvim_set_hl(0, 'RepocompGhost', { link = 'NonText', default = true })
  local group = vim.api.nvim_create_augroup('repocomp', {})
  local function on(events, run)
    vim.api.nvim_create_autocmd(events, { group = group, callback = run })
  end
  on({ 'InsertEnter', 'TextChangedI', 'CursorMovedI' }, typed)
  on('TextChangedP', hide)
  on('InsertLeave', left)
  on('ModeChanged', function()
    -- Ctrl-C leaves without InsertLeave: what was shown then was neither taken nor turned down.
    if vim.v.event.new_mode == 'n' then
      vim.schedule(hide)
    end
  end)
  on('LspAttach', function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'repocomp' then
      vim.schedule(ask)
    end
  end)
  vim.api.nvim_create_user_command('Repocomp', command, {
    nargs = 1,
    complete = function()
      return vim.tbl_keys(COMMANDS)
    end,
  })
  if not is_on('no_maps', false) then
    map('<Tab>', M.accept)
    map('<C-Right>', M.accept_word)
    map('<C-]>', M.dismiss)
  end
end

return M
