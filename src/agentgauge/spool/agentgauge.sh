# Functions for a POSIX shell that record to agentgauge's spool without starting a process:
#
#     . "$(agentgauge-hook --shell)"
#     agentgauge_hook git pre-commit lint make lint
#     agentgauge_record tests suite=unit outcome=passed count:=12
#
# The path never changes for an installation: write it down to save the process that says it. Tested with dash, bash,
# busybox sh, zsh, ksh93, mksh and yash. A shell without $EPOCHREALTIME (all but bash from 5.0 on, mksh, and zsh with
# zsh/datetime) measures in hundredths of a second, from /proc/uptime. A shell sees no file's size: it heeds the spool's limit once the exporter or a writer in Python has put
# the mark "full" there. A shell that a signal ends with its command records nothing; agentgauge-hook does.

# agentgauge_hook SYSTEM EVENT NAME COMMAND [ARGUMENT...]: run a command and record how long it took and how it ended.
# The exit status is the command's.
agentgauge_hook() {
    _agentgauge_clock
    # Positional parameters are a function's own; variables are not, and the command may be a function that calls us.
    set -- "$_agentgauge_now" "$@"
    if _agentgauge_run "$@"; then set -- 0 "$@"; else set -- "$?" "$@"; fi
    _agentgauge_clock
    case $1 in 0 | 1 | 2) _agentgauge_class=$1 ;; *) _agentgauge_class=other ;; esac
    if [ "$1" -gt 128 ]; then _agentgauge_class=signal; fi
    case $3:$1 in
        *:0) _agentgauge_outcome=success ;;
        git:1 | pre_commit:1 | claude_code:2 | codex:2) _agentgauge_outcome=blocked ;;
        *:129 | *:130 | *:143) _agentgauge_outcome=cancelled ;;
        *) _agentgauge_outcome=error ;;
    esac
    _agentgauge_seconds=
    if [ "${_agentgauge_now:--1}" -ge "${2:-0}" ]; then # there is a clock, and it was not set back
        _agentgauge_now=$((_agentgauge_now - $2))
        _agentgauge_seconds=$((1000000 + _agentgauge_now % 1000000))
        _agentgauge_seconds=$((_agentgauge_now / 1000000)).${_agentgauge_seconds#1}
    fi
    agentgauge_record hook "hook_system=$3" "hook_event=$4" "hook_name=$5" "outcome=$_agentgauge_outcome" \
        "exit_code_class=$_agentgauge_class" ${_agentgauge_seconds:+"duration_seconds:=$_agentgauge_seconds"}
    return "$1"
}

# agentgauge_record KIND [LABEL=TEXT | AMOUNT:=NUMBER]...: append one record. Never fails, whatever happens to it.
agentgauge_record() {
    _agentgauge_line="{\"kind\":\"$1\""
    shift
    for _agentgauge_field; do
        _agentgauge_value=${_agentgauge_field#*=}
        _agentgauge_field=${_agentgauge_field%%=*}
        case $_agentgauge_field in
            *:) _agentgauge_line="$_agentgauge_line,\"${_agentgauge_field%:}\":$_agentgauge_value" ;;
            *)
                case $_agentgauge_value in *[\"\\[:cntrl:]]*) _agentgauge_escape ;; esac
                _agentgauge_line="$_agentgauge_line,\"$_agentgauge_field\":\"$_agentgauge_value\""
                ;;
        esac
    done
    case ${AGENTGAUGE_HOME:-} in
        '')
            case ${XDG_STATE_HOME:-} in
                /*) _agentgauge_spool=$XDG_STATE_HOME/agentgauge/spool ;;
                *) _agentgauge_spool=${HOME:-}/.local/state/agentgauge/spool ;;
            esac
            ;;
        '~' | '~/'*) _agentgauge_spool=${HOME:-}${AGENTGAUGE_HOME#?}/spool ;;
        *) _agentgauge_spool=$AGENTGAUGE_HOME/spool ;;
    esac
    # Past some 4 KB not every shell writes a line in one piece, and another writer's could be between.
    if [ -e "$_agentgauge_spool/full" ] || [ ${#_agentgauge_line} -gt 4000 ]; then
        { _agentgauge_print . >>"$_agentgauge_spool/dropped"; } 2>/dev/null || :
        return 0
    fi
    # A file that is not there is made for its owner alone; that, and only that, takes processes.
    [ -e "$_agentgauge_spool/spool.jsonl" ] ||
        (umask 077 && mkdir -p "$_agentgauge_spool" && : >>"$_agentgauge_spool/spool.jsonl") 2>/dev/null || :
    # The first newline ends what a dying writer or a full disk may have left; an empty line says nothing.
    { _agentgauge_print "
$_agentgauge_line}
" >>"$_agentgauge_spool/spool.jsonl"; } 2>/dev/null || :
}

case ${KSH_VERSION:-} in
    *MIRBSD* | *'PD KSH'*) _agentgauge_print() { print -rn -- "$1"; } ;; # to these printf is another program
    *) _agentgauge_print() { printf %s "$1"; } ;;
esac

_agentgauge_run() {
    shift 4
    "$@"
}

# Set _agentgauge_now to microseconds since some instant.
_agentgauge_clock() {
    if [ -n "${EPOCHREALTIME:-}" ]; then
        _agentgauge_now=${EPOCHREALTIME%[.,]*}${EPOCHREALTIME#*[.,]}
    elif { read -r _agentgauge_now _ </proc/uptime; } 2>/dev/null; then
        _agentgauge_now=${_agentgauge_now%.*}${_agentgauge_now#*.}0000
    else
        _agentgauge_now=${SECONDS:+${SECONDS}000000}
    fi
}

# Make _agentgauge_value fit between the quotes of a JSON text; a control character becomes a space.
_agentgauge_escape() {
    _agentgauge_rest=$_agentgauge_value
    _agentgauge_value=
    while :; do
        case $_agentgauge_rest in *[\"\\[:cntrl:]]*) ;; *) break ;; esac
        _agentgauge_value=$_agentgauge_value${_agentgauge_rest%%[\"\\[:cntrl:]]*}
        _agentgauge_rest=${_agentgauge_rest#"${_agentgauge_rest%%[\"\\[:cntrl:]]*}"}
        case $_agentgauge_rest in
            \"*) _agentgauge_value=$_agentgauge_value'\"' ;;
            \\*) _agentgauge_value=$_agentgauge_value'\\' ;;
            *) _agentgauge_value="$_agentgauge_value " ;;
        esac
        _agentgauge_rest=${_agentgauge_rest#?}
    done
    _agentgauge_value=$_agentgauge_value$_agentgauge_rest
}
