function __appliance-ctl_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __appliance-ctl_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __appliance-ctl_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __appliance-ctl_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __appliance-ctl_parse_tokens -S
    set -l unparsed_tokens (__appliance-ctl_tokens -pc)
    switch $unparsed_tokens[1]
    case 'appliance-ctl'
        __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
        switch $unparsed_tokens[1]
        case 'status'
            __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'explain' 'check' 'h/help'
        case 'sessions'
            __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'client=' 'external=' 'protocol=' 'limit=' 'peer=' 'state=' 'h/help'
        case 'bindings'
            __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
            switch $unparsed_tokens[1]
            case 'list'
                __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'client=' 'external=' 'protocol=' 'limit=' 'h/help'
            case 'static'
                __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
            case 'add'
                __appliance-ctl_parse_subcommand 3 'socket=' 'json' 'replace' 'h/help'
            case 'remove'
                __appliance-ctl_parse_subcommand 2 'socket=' 'json' 'h/help'
            end
        case 'blocks'
            __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
            switch $unparsed_tokens[1]
            case 'list'
                __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'client=' 'external=' 'limit=' 'h/help'
            case 'holder'
                __appliance-ctl_parse_subcommand 1 'socket=' 'json' 'at=' 'journal' 'h/help'
            end
        case 'dns64'
            __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
            switch $unparsed_tokens[1]
            case 'list'
                __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
            case 'enable'
                __appliance-ctl_parse_subcommand 1 'socket=' 'json' 'h/help'
            case 'disable'
                __appliance-ctl_parse_subcommand 1 'socket=' 'json' 'h/help'
            case 'reset'
                __appliance-ctl_parse_subcommand 1 'socket=' 'json' 'h/help'
            end
        case 'reload'
            __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
        case 'version'
            __appliance-ctl_parse_subcommand 0 'socket=' 'json' 'h/help'
        case 'help'
            __appliance-ctl_parse_subcommand -r 1 
        end
    end
end

function __appliance-ctl_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __appliance-ctl_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __appliance-ctl_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __appliance-ctl_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__appliance-ctl_tokens -p)
    if test -z "$(__appliance-ctl_tokens -t)"
        set -l index (count (__appliance-ctl_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'appliance-ctl' -f
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'status' -d 'Tell whether the appliance works and, if not, why.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'sessions' -d 'List the sessions that pass through the translator.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'bindings' -d 'List which external address and port stands for which client, and add static ones.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'blocks' -d 'List which client network has which block of ports, and tell whose a port is or was.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'dns64' -d 'Show or switch DNS64 for a client network.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'reload' -d 'Read the configuration again and put it in force, whole or not at all.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'version' -d 'Tell the version of the running daemon.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl status" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl status" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl status" explain' -l 'explain' -d 'Explain every reason for which something was dropped or refused.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl status" check' -l 'check' -d 'Exit with 1 unless the verdict is "working".'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl status" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" client' -l 'client' -d 'Only of this client: an IPv6 address or prefix.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" external' -l 'external' -d 'Only of this pool address: an IPv4 address or prefix.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" protocol' -l 'protocol' -d 'Only of this protocol.' -rfka 'tcp udp icmp'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" limit' -l 'limit' -d 'Stop after so many entries; all without it.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" peer' -l 'peer' -d 'Only with this peer: an IPv4 address or prefix.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" state' -l 'state' -d 'Only in this TCP state: established, v4-fin-rcv, trans, ...' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl sessions" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl bindings" -eq 1' -fa 'list' -d 'List the bindings, static and made by traffic.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl bindings" -eq 1' -fa 'static' -d 'Show the static bindings, who wrote them down, and what is wrong with them.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl bindings" -eq 1' -fa 'add' -d 'Let an external address and port, or a range of ports, always stand for a client.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl bindings" -eq 1' -fa 'remove' -d 'Take away a static binding that was added here, and end its sessions.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings list" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings list" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings list" client' -l 'client' -d 'Only of this client: an IPv6 address or prefix.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings list" external' -l 'external' -d 'Only of this pool address: an IPv4 address or prefix.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings list" protocol' -l 'protocol' -d 'Only of this protocol.' -rfka 'tcp udp icmp'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings list" limit' -l 'limit' -d 'Stop after so many entries; all without it.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings static" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings static" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings static" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings add" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings add" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl bindings add" -eq 1' -fka 'tcp udp icmp'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings add" replace' -l 'replace' -d 'End bindings made by traffic that stand in the way, with their sessions.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings add" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings remove" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings remove" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl bindings remove" -eq 1' -fka 'tcp udp icmp'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl bindings remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl blocks" -eq 1' -fa 'list' -d 'List the blocks of ports that client networks have.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl blocks" -eq 1' -fa 'holder' -d 'Tell which client network has an external port, or had it at a moment.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks list" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks list" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks list" client' -l 'client' -d 'Only of this client or network: an IPv6 address or prefix.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks list" external' -l 'external' -d 'Only of this pool address, prefix, or ADDRESS:PORT.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks list" limit' -l 'limit' -d 'Stop after so many entries; all without it.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks holder" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks holder" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks holder" at' -l 'at' -d 'The moment: 2026-11-26T04:11:01Z, or seconds since 1970; else now.' -rfka ''
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks holder" journal' -l 'journal' -d 'Read the journal from standard input.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl blocks holder" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl dns64" -eq 1' -fa 'list' -d 'Show where DNS64 is on and off, and who said so.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl dns64" -eq 1' -fa 'enable' -d 'Make AAAA records from A records for a client network.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl dns64" -eq 1' -fa 'disable' -d 'Make no AAAA records for a client network; sessions that run go on.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_positional "appliance-ctl dns64" -eq 1' -fa 'reset' -d 'Forget what was switched for a client network; the file decides again.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 list" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 list" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 enable" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 enable" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 enable" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 disable" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 disable" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 disable" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 reset" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 reset" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl dns64 reset" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl reload" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl reload" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl reload" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl version" socket' -l 'socket' -d 'The control socket of the daemon.' -rF
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl version" json' -l 'json' -d 'Print the answer as JSON, for programs.'
complete -c 'appliance-ctl' -n '__appliance-ctl_should_offer_completions_for_flags_or_options "appliance-ctl version" h help' -s 'h' -l 'help' -d 'Show help information.'
