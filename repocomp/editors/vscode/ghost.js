'use strict';
// The answer that is shown, followed through what is typed and taken of it.

const vscode = require('vscode');

/** Where text ends that was inserted at `start`. */
function endOf(start, text) {
  const lines = text.split('\n');
  const last = lines[lines.length - 1].length;
  return new vscode.Position(start.line + lines.length - 1, lines.length > 1 ? last : start.character + last);
}

class Ghost {
  /** `took(id, text)` is called with all that was accepted so far, whenever a part of an answer is. */
  constructor(took) {
    this.took = took;
    this.isTaking = false;
    this.shown = undefined; // {document, position, text, id, taken}
  }

  /** Show `text` from now on; `id` is the name of the completion. */
  show(document, position, text, id) {
    this._set({ document, position, text, id, taken: '' });
  }

  hide() {
    this._set(undefined);
  }

  /** What is left of it at a place. */
  at(document, position) {
    const { shown } = this;
    return shown && shown.document === document && shown.position.isEqual(position) ? shown : undefined;
  }

  /** A word is being accepted, however short it is: whatever `work` puts in is that. */
  async taking(work) {
    this.isTaking = true;
    try {
      await work();
    } finally {
      this.isTaking = false;
    }
  }

  /**
   * Whether what was typed is what was shown: then the rest of it stays, and nobody is asked. More than a character at
   * once is not typed but accepted.
   */
  edited({ document, contentChanges }) {
    const { shown } = this;
    if (!shown || shown.document !== document || !contentChanges.length) {
      return;
    }
    const [{ range, text }] = contentChanges;
    const put = text.replace(/\r\n/g, '\n');
    const isPart = shown.text.startsWith(put) && put.length < shown.text.length;
    if (contentChanges.length > 1 || !range.isEmpty || !range.start.isEqual(shown.position) || !isPart) {
      this.hide();
      return;
    }
    const taken = shown.taken + put;
    this._set({ ...shown, position: endOf(range.start, put), text: shown.text.slice(put.length), taken });
    if (this.isTaking || [...put].length > 1) {
      this.took(shown.id, taken);
    }
  }

  /** The cursor went elsewhere. */
  moved({ textEditor, selections }) {
    if (this.shown?.document === textEditor.document && !this.at(textEditor.document, selections[0].active)) {
      this.hide();
    }
  }

  _set(shown) {
    if (!shown !== !this.shown) {
      vscode.commands.executeCommand('setContext', 'repocomp.isShown', Boolean(shown));
    }
    this.shown = shown;
  }
}

module.exports = { Ghost };
