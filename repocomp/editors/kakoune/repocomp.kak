# repocomp: code completion that knows the repository, as ghost text in Insert mode.
#
#     source "%val{config}/repocomp.kak"
#     hook global WinCreate .* repocomp-enable
#
# While ghost text is shown, <tab> accepts it, <a-w> accepts a word of it, and <c-l> dismisses it.

declare-option -docstring "how repocomp is called" str repocomp_command '@REPOCOMP@'
declare-option -docstring "further options of repocomp complete" str repocomp_options ''
declare-option -hidden range-specs repocomp_ghost
declare-option -hidden str repocomp_text
declare-option -hidden str repocomp_taken
declare-option -hidden str-list repocomp_rest
declare-option -hidden str repocomp_id
declare-option -hidden str repocomp_at
declare-option -docstring "what goes on, for the mode line" str repocomp_status ''

set-face global RepocompGhost 'rgb:7f848e+d'

define-command repocomp-enable -docstring 'show ghost text in this window' %{
    add-highlighter -override window/repocomp replace-ranges repocomp_ghost
    hook -group repocomp window InsertIdle .* repocomp-ask
    hook -group repocomp window InsertChar .* repocomp-hide
    hook -group repocomp window InsertDelete .* repocomp-hide
    hook -group repocomp window InsertMove .* repocomp-hide
    hook -group repocomp window ModeChange 'pop:insert:.*' repocomp-dismiss
}

define-command repocomp-disable -docstring 'show no ghost text in this window' %{
    repocomp-hide
    remove-hooks window repocomp
    remove-highlighter window/repocomp
}

# The buffer goes into a file, and a process in the background asks: nothing here waits for it.
define-command -hidden repocomp-ask %{
    evaluate-commands %sh{
        at="$kak_timestamp $kak_cursor_line $kak_cursor_column"
        [ -n "$kak_buffile" ] && [ "$at" != "$kak_opt_repocomp_at" ] || exit
        folder=$(mktemp -d "${TMPDIR:-/tmp}/repocomp-kak.XXXXXX") || exit
        printf "set-option buffer repocomp_at '%s'\n" "$at"
        printf "set-option window repocomp_status 'repocomp ...'\n"
        printf "evaluate-commands -no-hooks %%{ write -method overwrite %s/buffer }\n" "$folder"
        printf "repocomp-start %s\n" "$folder"
    }
}

# Columns are bytes from 1, as repocomp counts them.
define-command -hidden repocomp-start -params 1 %{
    nop %sh{
        {
            "$kak_opt_repocomp_command" complete "-:$kak_cursor_line:$kak_cursor_column" \
                --stdin-filename "$kak_buffile" --prefetch --exit-zero --daemon always $kak_opt_repocomp_options \
                <"$1/buffer" >"$1/text" 2>"$1/problem"
            code=$?
            quoted() { sed "s/'/''/g" "$1"; }
            {
                printf "evaluate-commands -client %s %%{\n" "$kak_client"
                if [ $code -ne 0 ]; then
                    printf "repocomp-fail '%s'\n" "$(quoted "$1/problem")"
                else
                    # What a shell drops at the end of a text is kept by the dot; line ends are the buffer's own matter.
                    text=$(quoted "$1/text" | tr -d '\r'; printf .)
                    printf "repocomp-show '%s %s %s' '%s'\n" \
                        "$kak_timestamp" "$kak_cursor_line" "$kak_cursor_column" "${text%.}"
                fi
                printf "}\n"
            } | kak -p "$kak_session"
            rm -r "$1"
        } </dev/null >/dev/null 2>&1 &
    }
}

define-command -hidden repocomp-fail -params 1 %{
    set-option window repocomp_status 'repocomp !'
    echo -debug "repocomp: %arg{1}"
    echo -markup "{Error}repocomp: see *debug*"
    remove-hooks window repocomp
}

define-command -hidden repocomp-show -params 2 %{
    set-option window repocomp_status ''
    evaluate-commands %sh{
        now="$kak_timestamp $kak_cursor_line $kak_cursor_column"
        [ -n "$2" ] && [ "$1" = "$now" ] || exit
        printf "set-option window repocomp_taken ''\n"
        printf "repocomp-draw %%arg{2}\n"
        printf "repocomp-tell shown\n"
    }
}

# Show a text at the cursor, with the keys for it. What they put in comes from a register and is not typed, so nothing
# indents it once more.
define-command -hidden repocomp-draw -params 1 %{
    set-option window repocomp_text %arg{1}
    set-register t %arg{1}
    evaluate-commands %sh{
        quoted() { printf '%s' "$1" | sed "s/'/''/g"; }
        first=${1%%
*}
        more=$(printf '%s' "$1" | wc -l)
        [ "$more" -gt 0 ] && first="$first ⏎ +$more"
        shown=$(quoted "$first" | sed 's/[\\{]/\\&/g')
        # Braces stand in pairs, since Kakoune counts them: }
        printf "set-option window repocomp_ghost %s '%s.%s+0|{RepocompGhost}%s'\n" \
            "$kak_timestamp" "$kak_cursor_line" "$kak_cursor_column" "$shown"
        # Bytes of other alphabets belong to words.
        word=$(printf '%s' "$1" | LC_ALL=C awk 'BEGIN { RS = "\001" }
            match($0, /^[ \t\n]*([a-zA-Z0-9_\200-\377]+|[^ \t\n])/) { printf "%s", substr($0, 1, RLENGTH) }')
        taken=$kak_opt_repocomp_taken$word
        printf "set-register w '%s'\n" "$(quoted "$word")"
        printf "map window insert <tab> '<c-r>t<a-;>: repocomp-say accept<ret>'\n"
        printf "map window insert <c-l> '<a-;>: repocomp-dismiss<ret>'\n"
        if [ "$word" = "$1" ]; then
            printf "map window insert <a-w> '<c-r>t<a-;>: repocomp-say accept<ret>'\n"
        else
            # To put it in hides the rest, which is therefore kept apart.
            printf "set-option window repocomp_rest '%s' '%s'\n" "$(quoted "$taken")" "$(quoted "${1#"$word"}")"
            printf "map window insert <a-w> '<c-r>w<a-;>: repocomp-took %%opt{repocomp_rest}<ret>'\n"
        fi
    }
}

define-command -hidden repocomp-took -params 2 %{
    set-option window repocomp_taken %arg{1}
    set-option buffer repocomp_at "%val{timestamp} %val{cursor_line} %val{cursor_column}"
    repocomp-draw %arg{2}
    repocomp-tell partial %arg{1}
}

define-command -hidden repocomp-hide %{
    set-option window repocomp_ghost %val{timestamp}
    set-option window repocomp_text ''
    unmap window insert <tab>
    unmap window insert <a-w>
    unmap window insert <c-l>
}

# Esc, or the key for it: what was shown was not wanted.
define-command -hidden repocomp-dismiss %{
    evaluate-commands %sh{ [ -n "$kak_opt_repocomp_text" ] && echo 'repocomp-say reject' || true }
}

define-command -hidden repocomp-say -params 1 %{
    repocomp-tell %arg{1}
    repocomp-hide
}

# The name of the completion is known once it was told to be shown; until then it is the last one of the repository.
define-command -hidden repocomp-tell -params 1..2 %{
    nop %sh{
        {
            cd "$(dirname "$kak_buffile")" || exit
            id=last
            [ "$1" = shown ] || id=${kak_opt_repocomp_id:-last}
            [ "$1" = partial ] && text=--text=$2
            id=$("$kak_opt_repocomp_command" feedback "$1" "$id" ${text:+"$text"} --json | grep -o 'c_[0-9a-f]*' | head -n 1)
            # The name is good for as long as something of it is shown.
            case $1 in shown | partial) ;; *) id= ;; esac
            printf "evaluate-commands -client %s %%{ set-option window repocomp_id '%s' }\n" "$kak_client" "$id" |
                kak -p "$kak_session"
        } </dev/null >/dev/null 2>&1 &
    }
}
