;;; repocomp.el --- Code completion that knows the repository, as ghost text  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "28.1"))
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; The client of `repocomp lsp'.  It asks while you type, shows the answer in an overlay, and says what became of it:
;;
;;   (add-hook 'prog-mode-hook #'repocomp-mode)
;;
;; While ghost text is shown, TAB accepts it, C-<right> accepts a word, and C-g dismisses it.

;;; Code:

(require 'jsonrpc)
(require 'url-util)

(defgroup repocomp nil "Code completion that knows the repository." :group 'completion)

(defcustom repocomp-command '("@REPOCOMP@" "lsp")
  "The language server and its arguments." :type '(repeat string))

(defcustom repocomp-delay 0.1
  "Seconds that nothing more must be typed before the server is asked." :type 'number)

(defcustom repocomp-settings nil
  "Settings as `repocomp config' lists them, as a property list: (:mode \"line\")." :type 'plist)

(defface repocomp-ghost '((t :inherit shadow)) "Ghost text.")

(defvar repocomp--connection nil "The connection to the server; nil while there is none.")
(defvar repocomp--is-ready nil "Whether the server has answered the first request.")
(defvar repocomp--is-pending nil "Whether an answer is awaited.")
(defvar repocomp--progress nil "How far the first index is.")
(defvar repocomp--problem nil "Why the server cannot be asked.")
(defvar repocomp--folders nil "The folders of the workspace that the server knows.")
(defvar repocomp--timer nil)
(defvar repocomp-mode)

(defvar-local repocomp--tick nil "The tick at which the server was sent this buffer; nil where it has not been.")
(defvar-local repocomp--asked nil "Tick and point at which the server was asked last.")
(defvar-local repocomp--ghost nil "The overlay that shows an answer.")

(defvar repocomp-ghost-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "TAB") #'repocomp-accept)
    (define-key map (kbd "<tab>") #'repocomp-accept)
    (define-key map (kbd "C-<right>") #'repocomp-accept-word)
    (define-key map (kbd "C-g") #'repocomp-dismiss)
    map)
  "Keys while ghost text is shown.")

(defvar-local repocomp--keys nil "Emulated keys: on while ghost text is shown.")
(add-to-list 'emulation-mode-map-alists `((repocomp--keys . ,repocomp-ghost-map)))

;; The server

(defun repocomp--start ()
  "Start the server unless it runs or cannot be started."
  (unless (or repocomp--connection repocomp--problem)
    (if (not (executable-find (car repocomp-command)))
        (repocomp--fail (format "cannot start %s" (car repocomp-command)))
      (setq repocomp--is-ready nil
            repocomp--folders (list (repocomp--root))
            repocomp--connection
            (make-instance
             'jsonrpc-process-connection
             :name "repocomp"
             :events-buffer-scrollback-size 0
             :notification-dispatcher #'repocomp--heard
             :request-dispatcher #'ignore
             :on-shutdown #'repocomp--ended
             :process (lambda ()
                        (make-process :name "repocomp" :command repocomp-command :connection-type 'pipe
                                      :coding 'utf-8-unix :noquery t
                                      :stderr (get-buffer-create " *repocomp stderr*")))))
      (jsonrpc-async-request
       repocomp--connection :initialize
       `(:processId ,(emacs-pid) :rootUri nil
         :workspaceFolders [,(repocomp--folder (car repocomp--folders))]
         :capabilities (:general (:positionEncodings ["utf-32"])
                        :textDocument (:inlineCompletion (:dynamicRegistration :json-false))
                        :window (:workDoneProgress t))
         :initializationOptions (:reportsShown t :settings ,(or repocomp-settings (make-hash-table))))
       :success-fn (lambda (_)
                     (repocomp--notify :initialized (make-hash-table))
                     (setq repocomp--is-ready t)
                     (repocomp--ask (window-buffer)))
       :error-fn (lambda (problem) (repocomp--fail (plist-get problem :message)))))))

(defun repocomp--ended (_)
  "Forget what the server knew."
  (unless (or repocomp--is-ready repocomp--problem)
    (repocomp--fail "the server ended; see the buffer \" *repocomp stderr*\""))
  (setq repocomp--connection nil repocomp--is-ready nil repocomp--is-pending nil)
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer (setq repocomp--tick nil))))

(defun repocomp--heard (_ method params)
  "Do what the notification METHOD with PARAMS asks for."
  (pcase method
    ('window/showMessage (message "%s" (plist-get params :message)))
    ('$/progress
     (let ((value (plist-get params :value)))
       (setq repocomp--progress (unless (equal (plist-get value :kind) "end") (plist-get value :percentage)))
       (force-mode-line-update t)))))

(defun repocomp--fail (text)
  "Say once why nothing is completed: TEXT."
  (setq repocomp--problem text)
  (message "repocomp: %s (M-x repocomp-restart)" text))

(defun repocomp--notify (method params)
  "Send the notification METHOD with PARAMS."
  (when repocomp--connection (jsonrpc-notify repocomp--connection method params)))

(defun repocomp--say (command &rest arguments)
  "Have the server write COMMAND with ARGUMENTS down."
  (when repocomp--is-ready
    (jsonrpc-async-request repocomp--connection :workspace/executeCommand
                           `(:command ,command :arguments ,(vconcat arguments))
                           :success-fn #'ignore :error-fn #'ignore)))

(defun repocomp-restart ()
  "Start the server anew."
  (interactive)
  (setq repocomp--problem nil)
  (when repocomp--connection (jsonrpc-shutdown repocomp--connection))
  (repocomp--start))

;; Documents

(defun repocomp--root ()
  "The folder of the workspace that the buffer belongs to."
  (expand-file-name (or (locate-dominating-file default-directory ".git") default-directory)))

(defun repocomp--uri (path)
  "PATH as a URI."
  (concat "file://" (if (eq system-type 'windows-nt) "/" "")
          (url-hexify-string (expand-file-name path) (cons ?/ url-unreserved-chars))))

(defun repocomp--folder (path)
  "PATH as a folder of the workspace."
  `(:uri ,(repocomp--uri (directory-file-name path)) :name ,(file-name-nondirectory (directory-file-name path))))

(defun repocomp--text ()
  "The buffer as it would be saved."
  (let ((text (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max)))))
    (if (eq 1 (coding-system-eol-type buffer-file-coding-system)) (string-replace "\n" "\r\n" text) text)))

(defun repocomp--sync ()
  "Have the server know the buffer as it is."
  (let ((uri (repocomp--uri buffer-file-name)) (tick (buffer-chars-modified-tick)) (root (repocomp--root)))
    (unless (member root repocomp--folders)
      (push root repocomp--folders)
      (repocomp--notify :workspace/didChangeWorkspaceFolders
                        `(:event (:added [,(repocomp--folder root)] :removed []))))
    (cond
     ((null repocomp--tick)
      (repocomp--notify :textDocument/didOpen
                        `(:textDocument (:uri ,uri :languageId "" :version ,tick :text ,(repocomp--text)))))
     ((/= tick repocomp--tick)
      (repocomp--notify :textDocument/didChange
                        `(:textDocument (:uri ,uri :version ,tick) :contentChanges [(:text ,(repocomp--text))]))))
    (setq repocomp--tick tick)))

(defun repocomp--saved ()
  "Say that the buffer was saved."
  (when (and repocomp--is-ready repocomp--tick)
    (repocomp--sync)
    (repocomp--notify :textDocument/didSave `(:textDocument (:uri ,(repocomp--uri buffer-file-name))))))

(defun repocomp--closed ()
  "Say that the buffer is closed."
  (when (and repocomp--is-ready repocomp--tick)
    (repocomp--notify :textDocument/didClose `(:textDocument (:uri ,(repocomp--uri buffer-file-name))))
    (setq repocomp--tick nil)))

;; Asking

(defun repocomp--here ()
  "What must be as it was for an answer to fit."
  (cons (buffer-chars-modified-tick) (point)))

(defun repocomp--ask (buffer)
  "Ask for a completion at point in BUFFER."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (cond
       ((not (and repocomp-mode buffer-file-name (eq buffer (window-buffer)) (not buffer-read-only))))
       ((not repocomp--is-ready) (repocomp--start))
       (t
        (repocomp--sync)
        (let ((here (repocomp--here)))
          (setq repocomp--asked here repocomp--is-pending t)
          (jsonrpc-async-request
           repocomp--connection :textDocument/inlineCompletion
           `(:textDocument (:uri ,(repocomp--uri buffer-file-name))
             :position (:line ,(1- (line-number-at-pos nil t)) :character ,(- (point) (line-beginning-position)))
             :context (:triggerKind 2))
           :success-fn (lambda (result) (repocomp--answered buffer here result))
           :error-fn #'ignore :timeout 60)
          (force-mode-line-update)))))))

(defun repocomp--answered (buffer here result)
  "Show RESULT in BUFFER where that is still as it was HERE."
  (setq repocomp--is-pending nil)
  (force-mode-line-update t)
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (let ((items (plist-get result :items)))
        (when (and (equal here (repocomp--here)) (> (length items) 0) (eq buffer (window-buffer)))
          (let ((id (aref (plist-get (plist-get (aref items 0) :command) :arguments) 0)))
            (repocomp--show (plist-get (aref items 0) :insertText) id "")
            (repocomp--say "repocomp.shown" id)))))))

(defun repocomp--after-command ()
  "Follow what was typed: keep what fits of the ghost text, else ask anew."
  (let ((here (repocomp--here)))
    (unless (or (repocomp--shrink) (equal here repocomp--asked))
      (repocomp--hide)
      (when repocomp--timer (cancel-timer repocomp--timer))
      ;; A place is completed once something was typed there, not where point came by.
      (unless (equal (car here) (car repocomp--asked))
        (setq repocomp--timer (run-with-timer repocomp-delay nil #'repocomp--ask (current-buffer)))))))

;; Ghost text

(defun repocomp--show (text id taken)
  "Show TEXT of the completion ID, of which TAKEN was accepted before."
  (repocomp--hide)
  (let ((shown (propertize text 'face 'repocomp-ghost)))
    ;; The cursor stays before it.
    (put-text-property 0 1 'cursor t shown)
    (setq repocomp--ghost (make-overlay (point) (point)) repocomp--keys t)
    (overlay-put repocomp--ghost 'after-string shown)
    (overlay-put repocomp--ghost 'repocomp (list text id taken))))

(defun repocomp--hide ()
  "Take the ghost text away."
  (when repocomp--ghost (delete-overlay repocomp--ghost))
  (setq repocomp--ghost nil repocomp--keys nil))

(defun repocomp--shrink ()
  "Whether what was typed is what was shown: then the rest of it stays, and nobody is asked."
  (when repocomp--ghost
    (pcase-let ((`(,text ,id ,taken) (overlay-get repocomp--ghost 'repocomp))
                (start (overlay-start repocomp--ghost)))
      (when (and start (>= (point) start))
        (let ((typed (buffer-substring-no-properties start (point))))
          (when (and (string-prefix-p typed text) (< (length typed) (length text)))
            (unless (string-empty-p typed)
              (repocomp--show (substring text (length typed)) id (concat taken typed))
              (setq repocomp--asked (repocomp--here)))
            t))))))

(defun repocomp-accept ()
  "Accept all of the ghost text."
  (interactive)
  (when repocomp--ghost
    (pcase-let ((`(,text ,id ,_) (overlay-get repocomp--ghost 'repocomp)))
      (repocomp--hide)
      ;; It is inserted and not typed, so nothing indents it once more.
      (insert text)
      (repocomp--say "repocomp.accept" id))))

(defun repocomp-accept-word ()
  "Accept a word of the ghost text; the rest stays."
  (interactive)
  (when repocomp--ghost
    (pcase-let ((`(,text ,id ,taken) (overlay-get repocomp--ghost 'repocomp)))
      (if (not (and (string-match "\\`[ \t\n]*\\(?:\\(?:\\sw\\|\\s_\\)+\\|[^[:space:]]\\)" text)
                    (< (match-end 0) (length text))))
          (repocomp-accept)
        (let ((part (match-string 0 text)))
          (repocomp--hide)
          (insert part)
          (repocomp--show (substring text (length part)) id (concat taken part))
          (setq repocomp--asked (repocomp--here))
          (repocomp--say "repocomp.acceptPart" id (concat taken part)))))))

(defun repocomp-dismiss ()
  "Turn the ghost text down."
  (interactive)
  (when repocomp--ghost
    (repocomp--say "repocomp.reject" (nth 1 (overlay-get repocomp--ghost 'repocomp)))
    (repocomp--hide)
    (setq repocomp--asked (repocomp--here))))

(defun repocomp-status ()
  "What goes on, for the mode line."
  (cond (repocomp--problem " repocomp!")
        (repocomp--progress (format " repocomp %d%%%%" repocomp--progress))
        (repocomp--is-pending " repocomp...")
        (t " repocomp")))

;;;###autoload
(define-minor-mode repocomp-mode
  "Show what repocomp would write as ghost text."
  :lighter (:eval (repocomp-status))
  (repocomp--hide)
  (dolist (hook '((post-command-hook . repocomp--after-command)
                  (after-save-hook . repocomp--saved)
                  (kill-buffer-hook . repocomp--closed)))
    (if repocomp-mode (add-hook (car hook) (cdr hook) nil t) (remove-hook (car hook) (cdr hook) t)))
  (when repocomp-mode (setq repocomp--asked (repocomp--here))))

(provide 'repocomp)
;;; repocomp.el ends here
