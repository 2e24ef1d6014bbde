#compdef appliance-ctl

__appliance-ctl_complete() {
    local -ar non_empty_completions=("${@:#(|:*)}")
    local -ar empty_completions=("${(M)@:#(|:*)}")
    _describe -V '' non_empty_completions -- empty_completions -P $'\'\''
}

__appliance-ctl_custom_complete() {
    local -a completions
    completions=("${(@f)"$("${command_name}" "${@}" "${command_line[@]}")"}")
    if [[ "${#completions[@]}" -gt 1 ]]; then
        __appliance-ctl_complete "${completions[@]:0:-1}"
    fi
}

__appliance-ctl_cursor_index_in_current_word() {
    if [[ -z "${QIPREFIX}${IPREFIX}${PREFIX}" ]]; then
        printf 0
    else
        printf %s "${#${(z)LBUFFER}[-1]}"
    fi
}

_appliance-ctl() {
    emulate -RL zsh -G
    setopt extendedglob nullglob numericglobsort
    unsetopt aliases banghist

    local -xr SAP_SHELL=zsh
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(builtin emulate zsh -c 'printf %s "${ZSH_VERSION}"')"
    local -r SAP_SHELL_VERSION

    local context state state_descr line
    local -A opt_args

    local -r command_name="${words[1]}"
    local -ar command_line=("${words[@]}")
    local -ir current_word_index="$((CURRENT - 1))"

    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'status:Tell whether the appliance works and, if not, why.'
            'sessions:List the sessions that pass through the translator.'
            'bindings:List which external address and port stands for which client, and add static ones.'
            'blocks:List which client network has which block of ports, and tell whose a port is or was.'
            'dns64:Show or switch DNS64 for a client network.'
            'reload:Read the configuration again and put it in force, whole or not at all.'
            'version:Tell the version of the running daemon.'
            'help:Show subcommand help information.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        status|sessions|bindings|blocks|dns64|reload|version|help)
            "_appliance-ctl_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_appliance-ctl_status() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '--explain[Explain every reason for which something was dropped or refused.]'
        '--check[Exit with 1 unless the verdict is "working".]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_sessions() {
    local -i ret=1
    local -ar ___protocol=('tcp' 'udp' 'icmp')
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '--client[Only of this client\: an IPv6 address or prefix.]:network:'
        '--external[Only of this pool address\: an IPv4 address or prefix.]:network:'
        '--protocol[Only of this protocol.]:protocol:{__appliance-ctl_complete "${___protocol[@]}"}'
        '--limit[Stop after so many entries; all without it.]:count:'
        '--peer[Only with this peer\: an IPv4 address or prefix.]:network:'
        '--state[Only in this TCP state\: established, v4-fin-rcv, trans, ...]:state:'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_bindings() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'list:List the bindings, static and made by traffic.'
            'static:Show the static bindings, who wrote them down, and what is wrong with them.'
            'add:Let an external address and port, or a range of ports, always stand for a client.'
            'remove:Take away a static binding that was added here, and end its sessions.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        list|static|add|remove)
            "_appliance-ctl_bindings_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_appliance-ctl_bindings_list() {
    local -i ret=1
    local -ar ___protocol=('tcp' 'udp' 'icmp')
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '--client[Only of this client\: an IPv6 address or prefix.]:network:'
        '--external[Only of this pool address\: an IPv4 address or prefix.]:network:'
        '--protocol[Only of this protocol.]:protocol:{__appliance-ctl_complete "${___protocol[@]}"}'
        '--limit[Stop after so many entries; all without it.]:count:'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_bindings_static() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_bindings_add() {
    local -i ret=1
    local -ar _protocol=('tcp' 'udp' 'icmp')
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        ':protocol:{__appliance-ctl_complete "${_protocol[@]}"}'
        ':external:'
        ':client:'
        '--replace[End bindings made by traffic that stand in the way, with their sessions.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_bindings_remove() {
    local -i ret=1
    local -ar _protocol=('tcp' 'udp' 'icmp')
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        ':protocol:{__appliance-ctl_complete "${_protocol[@]}"}'
        ':external:'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_blocks() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'list:List the blocks of ports that client networks have.'
            'holder:Tell which client network has an external port, or had it at a moment.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        list|holder)
            "_appliance-ctl_blocks_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_appliance-ctl_blocks_list() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '--client[Only of this client or network\: an IPv6 address or prefix.]:network:'
        '--external[Only of this pool address, prefix, or ADDRESS\:PORT.]:network:'
        '--limit[Stop after so many entries; all without it.]:count:'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_blocks_holder() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        ':address\:port:'
        '--at[The moment\: 2026-11-26T04\:11\:01Z, or seconds since 1970; else now.]:time:'
        '--journal[Read the journal from standard input.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_dns64() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
        '(-): :->command'
        '(-)*:: :->arg'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0
    case "${state}" in
    command)
        local -ar subcommands=(
            'list:Show where DNS64 is on and off, and who said so.'
            'enable:Make AAAA records from A records for a client network.'
            'disable:Make no AAAA records for a client network; sessions that run go on.'
            'reset:Forget what was switched for a client network; the file decides again.'
        )
        _describe -V subcommand subcommands && ret=0
        ;;
    arg)
        case "${words[1]}" in
        list|enable|disable|reset)
            "_appliance-ctl_dns64_${words[1]}" && ret=0
            ;;
        esac
        ;;
    esac

    return "${ret}"
}

_appliance-ctl_dns64_list() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_dns64_enable() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        ':network:'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_dns64_disable() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        ':network:'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_dns64_reset() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        ':network:'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_reload() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_version() {
    local -i ret=1
    local -ar arg_specs=(
        '--socket[The control socket of the daemon.]:path:_files'
        '--json[Print the answer as JSON, for programs.]'
        '(-h --help)'{-h,--help}'[Show help information.]'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

_appliance-ctl_help() {
    local -i ret=1
    local -ar arg_specs=(
        '*:subcommands:'
    )
    _arguments -w -s -S : "${arg_specs[@]}" && ret=0

    return "${ret}"
}

if [[ "${funcstack[1]}" = _appliance-ctl ]]; then
    _appliance-ctl "${@}"
else
    compdef _appliance-ctl appliance-ctl
fi
