'use strict';
// The language server of this window: started with the first document, kept in step with all of them, and told what
// became of its answers.

const vscode = require('vscode');
const { Connection } = require('./connection');

const SECTION = 'repocomp';
const ERROR = 1;

const setting = (name, scope) => vscode.workspace.getConfiguration(SECTION, scope).get(name);
const isServed = (document) => document.uri.scheme === 'file' || document.uri.scheme === 'untitled';
const uriOf = (document) => document.uri.toString();
const folderOf = (folder) => ({ uri: folder.uri.toString(), name: folder.name });
const placeOf = ({ line, character }) => ({ line, character });
const rangeOf = ({ start, end }) => ({ start: placeOf(start), end: placeOf(end) });

/** Settings of the server, by the names that `repocomp config` lists. */
function settings() {
  const bound = setting('minConfidence');
  return { ...setting('settings'), ...(typeof bound === 'number' ? { min_confidence: bound } : {}) };
}

class Server {
  /** `changed()` is called whenever `problem` or `progress` (percent of the first index) is another. */
  constructor(log, changed) {
    this.log = log;
    this.changed = changed;
    this.connection = undefined;
    this.isReady = false;
    this.problem = '';
    this.progress = undefined;
    const { workspace } = vscode;
    this.subscriptions = [
      workspace.onDidOpenTextDocument((document) => this._opened(document)),
      workspace.onDidChangeTextDocument((event) => this._edited(event)),
      workspace.onDidSaveTextDocument((document) => this._tell('textDocument/didSave', document)),
      workspace.onDidCloseTextDocument((document) => this._tell('textDocument/didClose', document)),
      workspace.onDidChangeWorkspaceFolders((event) => this._foldersChanged(event)),
      workspace.onDidChangeConfiguration((event) => this._configured(event)),
      ...this._watch(),
    ];
    this._openAll();
  }

  /** The items for a place of a document; none while the server cannot be asked. */
  async ask(document, position, { triggerKind, selectedCompletionInfo }, token) {
    await this.starting;
    if (!this.isReady || token.isCancellationRequested) {
      return [];
    }
    const params = {
      textDocument: { uri: uriOf(document) },
      position: placeOf(position),
      // The protocol counts from 1, the editor from 0.
      context: { triggerKind: triggerKind + 1 },
    };
    if (selectedCompletionInfo) {
      const { range, text } = selectedCompletionInfo;
      params.context.selectedCompletionInfo = { range: rangeOf(range), text };
    }
    const result = await this.connection.request('textDocument/inlineCompletion', params, token);
    return result?.items ?? [];
  }

  /** Have the server write down what became of a completion. */
  say(command, ...words) {
    if (this.isReady) {
      this.connection.request('workspace/executeCommand', { command, arguments: words });
    }
  }

  async restart() {
    await this.close();
    this.problem = '';
    this.progress = undefined;
    this.changed();
    this._openAll();
  }

  async close() {
    const { connection } = this;
    this.connection = this.starting = undefined;
    this.isReady = false;
    await connection?.close();
  }

  async dispose() {
    this.subscriptions.forEach((subscription) => subscription.dispose());
    await this.close();
  }

  async _start() {
    const connection = new Connection(setting('command'), {
      notified: (method, params) => this._notified(method, params),
      logged: (text) => this.log.append(text),
      ended: (why) => this._ended(why),
    });
    this.connection = connection;
    const result = await connection.request('initialize', {
      processId: process.pid,
      rootUri: null,
      workspaceFolders: (vscode.workspace.workspaceFolders ?? []).map(folderOf),
      capabilities: {
        general: { positionEncodings: ['utf-16'] },
        textDocument: { inlineCompletion: { dynamicRegistration: false } },
        window: { workDoneProgress: true },
      },
      initializationOptions: { reportsShown: true, settings: settings() },
    });
    if (result !== undefined && connection === this.connection) {
      connection.notify('initialized', {});
      this.isReady = true;
      vscode.workspace.textDocuments.forEach((document) => this._opened(document));
    }
  }

  _ended(why) {
    this.connection = this.starting = undefined;
    this.isReady = false;
    this.progress = undefined;
    this.problem = why || 'the server ended';
    this.changed();
    this.log.appendLine(this.problem);
    vscode.window.showWarningMessage(`repocomp: ${this.problem}`, 'Restart', 'Show the Log').then((chosen) => {
      if (chosen) {
        vscode.commands.executeCommand(chosen === 'Restart' ? 'repocomp.restart' : 'repocomp.log');
      }
    });
  }

  _notified(method, params) {
    if (method === '$/progress') {
      this.progress = params.value.kind === 'end' ? undefined : params.value.percentage;
      this.changed();
    } else if (method === 'window/showMessage') {
      const show = params.type === ERROR ? 'showErrorMessage' : 'showWarningMessage';
      vscode.window[show](params.message);
    } else if (method === 'window/logMessage') {
      this.log.appendLine(params.message);
    }
  }

  _openAll() {
    vscode.workspace.textDocuments.forEach((document) => this._opened(document));
  }

  /** The first document starts the server, which is told of all of them once it is ready. */
  _opened(document) {
    if (!isServed(document) || this.problem) {
      return;
    }
    this.starting ??= this._start();
    if (this.isReady) {
      const { languageId, version } = document;
      const item = { uri: uriOf(document), languageId, version, text: document.getText() };
      this.connection.notify('textDocument/didOpen', { textDocument: item });
    }
  }

  _edited({ document, contentChanges }) {
    if (this.isReady && isServed(document) && contentChanges.length) {
      this.connection.notify('textDocument/didChange', {
        textDocument: { uri: uriOf(document), version: document.version },
        contentChanges: contentChanges.map(({ range, text }) => ({
          range: rangeOf(range),
          text,
        })),
      });
    }
  }

  _tell(method, document) {
    if (this.isReady && isServed(document)) {
      this.connection.notify(method, { textDocument: { uri: uriOf(document) } });
    }
  }

  _foldersChanged({ added, removed }) {
    if (this.isReady) {
      const event = { added: added.map(folderOf), removed: removed.map(folderOf) };
      this.connection.notify('workspace/didChangeWorkspaceFolders', { event });
    }
  }

  _configured(event) {
    if (event.affectsConfiguration(`${SECTION}.command`)) {
      this.restart();
    } else if (this.isReady && ['minConfidence', 'settings'].some((name) => event.affectsConfiguration(`${SECTION}.${name}`))) {
      this.connection.notify('workspace/didChangeConfiguration', { settings: settings() });
    }
  }

  /** Files that change behind the editor's back keep the index current. */
  _watch() {
    const watcher = vscode.workspace.createFileSystemWatcher('**/*');
    const told = (type) => (uri) => {
      if (this.isReady && uri.scheme === 'file' && !uri.path.includes('/.git/')) {
        this.connection.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: uri.toString(), type }] });
      }
    };
    return [watcher, watcher.onDidCreate(told(1)), watcher.onDidChange(told(2)), watcher.onDidDelete(told(3))];
  }
}

module.exports = { Server, isServed, setting };
