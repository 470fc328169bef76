'use strict';
// Ghost text from `repocomp lsp`, which serves this window alone; see README.md for the keys and the settings.

const vscode = require('vscode');
const { Ghost } = require('./ghost');
const { Server, isServed, setting } = require('./server');

const SELECTOR = [{ scheme: 'file' }, { scheme: 'untitled' }];

let server;

/** Resolves after a time, or at once where `token` is cancelled. */
function pause(ms, token) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    token.onCancellationRequested(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What `item` puts in behind `position`; nothing where it does not begin with what stands before that. */
function behind(document, position, { range, insertText }) {
  const { line, character } = range.start;
  const before = document.getText(new vscode.Range(line, character, position.line, position.character));
  return insertText.startsWith(before) ? insertText.slice(before.length) : '';
}

/** Whether `text` goes on with what is selected in the editor's menu; where it does not, the editor shows none of it. */
function fitsMenu(document, position, text, selected) {
  const before = selected ? document.getText(new vscode.Range(selected.range.start, position)) : '';
  return !selected || (before + text).startsWith(selected.text);
}

class Completer {
  constructor(ghost, changed) {
    this.ghost = ghost;
    this.changed = changed;
    this.waiting = 0;
  }

  async provideInlineCompletionItems(document, position, context, token) {
    if (!setting('enable', document) || vscode.window.activeTextEditor?.selections.length > 1) {
      return [];
    }
    const rest = this.ghost.at(document, position);
    if (rest && fitsMenu(document, position, rest.text, context.selectedCompletionInfo)) {
      return [this._item(position, rest.text, rest.id)];
    }
    if (context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic) {
      await pause(setting('debounceMs', document), token);
    }
    const [item] = await this._ask(document, position, context, token);
    const text = item && behind(document, position, item);
    if (!text || token.isCancellationRequested) {
      return [];
    }
    const [id] = item.command.arguments;
    this.ghost.show(document, position, text, id);
    server.say('repocomp.shown', id);
    return [this._item(position, text, id)];
  }

  async _ask(document, position, context, token) {
    this.waiting += 1;
    this.changed();
    try {
      return await server.ask(document, position, context, token);
    } finally {
      this.waiting -= 1;
      this.changed();
    }
  }

  _item(position, text, id) {
    const command = { title: 'accepted', command: 'repocomp.accepted', arguments: [id] };
    return new vscode.InlineCompletionItem(text, new vscode.Range(position, position), command);
  }
}

/** Says in a word what goes on. */
function showStatus(bar, completer) {
  const editor = vscode.window.activeTextEditor;
  bar.backgroundColor = server.problem ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  bar.tooltip = server.problem || 'Show the log of repocomp';
  if (server.problem) {
    bar.text = '$(warning) repocomp';
  } else if (server.progress !== undefined) {
    bar.text = `repocomp ${server.progress} %`;
  } else {
    bar.text = completer.waiting ? 'repocomp …' : 'repocomp';
  }
  if (!setting('enable', editor?.document)) {
    bar.text = 'repocomp off';
  }
  if (editor && isServed(editor.document)) {
    bar.show();
  } else {
    bar.hide();
  }
}

function activate(context) {
  const log = vscode.window.createOutputChannel('repocomp');
  const bar = vscode.window.createStatusBarItem('repocomp', vscode.StatusBarAlignment.Right);
  const ghost = new Ghost((id, text) => server.say('repocomp.acceptPart', id, text));
  const completer = new Completer(ghost, () => showStatus(bar, completer));
  server = new Server(log, () => showStatus(bar, completer));
  Object.assign(bar, { name: 'repocomp', command: 'repocomp.log' });
  const commands = {
    accepted: (id) => server.say('repocomp.accept', id),
    acceptWord: () => ghost.taking(() => vscode.commands.executeCommand('editor.action.inlineSuggest.acceptNextWord')),
    dismiss: () => {
      if (ghost.shown) {
        server.say('repocomp.reject', ghost.shown.id);
      }
      ghost.hide();
      return vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    },
    toggle: () =>
      vscode.workspace.getConfiguration('repocomp').update('enable', !setting('enable'), vscode.ConfigurationTarget.Global),
    restart: () => server.restart(),
    log: () => log.show(true),
  };
  context.subscriptions.push(
    log,
    bar,
    ...Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(`repocomp.${name}`, run)),
    vscode.languages.registerInlineCompletionItemProvider(SELECTOR, completer),
    vscode.workspace.onDidChangeTextDocument((event) => ghost.edited(event)),
    vscode.window.onDidChangeTextEditorSelection((event) => ghost.moved(event)),
    vscode.window.onDidChangeActiveTextEditor(() => showStatus(bar, completer)),
    vscode.workspace.onDidChangeConfiguration(() => showStatus(bar, completer)),
  );
  showStatus(bar, completer);
}

function deactivate() {
  return server?.dispose();
}

module.exports = { activate, deactivate };
