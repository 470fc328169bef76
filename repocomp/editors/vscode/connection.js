'use strict';
// One end of `repocomp lsp`: JSON-RPC over the standard streams of a process.

const { spawn } = require('node:child_process');

const HEADER_END = Buffer.from('\r\n\r\n');
const METHOD_NOT_FOUND = -32601;

class Connection {
  /**
   * Start `command`. `notified(method, params)` hears notifications, `logged(text)` what the process writes to stderr,
   * and `ended(why)` is called once when the process is gone; `why` is empty where it took its leave.
   */
  constructor(command, { notified, logged, ended }) {
    this.notified = notified;
    this.ended = ended;
    this.pending = new Map();
    this.count = 0;
    this.input = Buffer.alloc(0);
    this.process = spawn(command[0], command.slice(1), { stdio: 'pipe', windowsHide: true });
    this.process.stdout.on('data', (data) => this._read(data));
    this.process.stderr.on('data', (data) => logged(String(data)));
    // Writing to a process that is gone fails here as well as there.
    this.process.stdin.on('error', () => {});
    this.process.on('error', (error) => this._end(`cannot start ${command[0]}: ${error.message}`));
    this.process.on('exit', (code, signal) => this._end(code === 0 ? '' : `the server ended: ${signal || `code ${code}`}`));
  }

  /** The answer to a request, undefined where it is an error or was cancelled by `token`. */
  request(method, params, token) {
    const id = ++this.count;
    return new Promise((resolve) => {
      const cancelled = token?.onCancellationRequested(() => this.notify('$/cancelRequest', { id }));
      this.pending.set(id, (result) => {
        cancelled?.dispose();
        resolve(result);
      });
      this._send({ id, method, params });
    });
  }

  notify(method, params) {
    this._send({ method, params });
  }

  /** Say goodbye; resolves once the process is gone, which has written down what it was told by then. */
  async close() {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.ended = () => {};
    if (this.process.exitCode !== null || this.process.pid === undefined) {
      return;
    }
    await this.request('shutdown');
    this.notify('exit');
    this.process.stdin.end();
    await gone;
  }

  _send(message) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    if (this.process.stdin.writable) {
      this.process.stdin.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
    }
  }

  _read(data) {
    this.input = this.input.length ? Buffer.concat([this.input, data]) : data;
    for (;;) {
      const end = this.input.indexOf(HEADER_END);
      if (end < 0) {
        return;
      }
      const length = Number(/content-length: *(\d+)/i.exec(this.input.toString('latin1', 0, end))[1]);
      const start = end + HEADER_END.length;
      if (this.input.length < start + length) {
        return;
      }
      const message = JSON.parse(this.input.toString('utf8', start, start + length));
      this.input = this.input.subarray(start + length);
      this._hear(message);
    }
  }

  _hear({ id, method, params, result }) {
    if (method === undefined) {
      this.pending.get(id)?.(result);
      this.pending.delete(id);
    } else if (id === undefined) {
      this.notified(method, params);
    } else if (method === 'window/workDoneProgress/create') {
      this._send({ id, result: null });
    } else {
      this._send({ id, error: { code: METHOD_NOT_FOUND, message: `there is no ${method}` } });
    }
  }

  _end(why) {
    for (const answer of this.pending.values()) {
      answer(undefined);
    }
    this.pending.clear();
    const { ended } = this;
    this.ended = () => {};
    ended(why);
  }
}

module.exports = { Connection };
