# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of headend for fish.

# The names of a kind (node, channel) in the description on the command line.
function __headend_names
    for word in (commandline -opc)[3..]
        test -f $word; or continue
        headend check $word 2>/dev/null | string replace -rf "^  $argv[1] (\S+) .*" '$1'
        return
    end
end

# Whether the words so far are "headend WORD..."
function __headend_at
    set -l words (commandline -opc)
    test (count $words) -gt (count $argv); and test "$words[2..$(math (count $argv) + 1)]" = "$argv"
end

complete -c headend -f
complete -c headend -n __fish_use_subcommand -a run -d 'Put the channels of a description on air'
complete -c headend -n __fish_use_subcommand -a check -d 'Say what is wrong with a description'
complete -c headend -n __fish_use_subcommand -a graph -d 'Print what flows where'
complete -c headend -n __fish_use_subcommand -a token -d 'Make keys and entry tokens'
complete -c headend -n __fish_use_subcommand -a edge -d 'Print the configuration of an edge'
complete -c headend -n __fish_use_subcommand -a status -d 'Ask the nodes how they are'
complete -c headend -n __fish_use_subcommand -a drill -d 'Break a channel and see what viewers see'
complete -c headend -n __fish_use_subcommand -a load -d 'Send viewers and see how many it bears'
complete -c headend -n __fish_use_subcommand -a trace -d 'Say who made a copy'
complete -c headend -n __fish_use_subcommand -a detect -d 'Read the marks of a copy'
complete -c headend -n __fish_use_subcommand -l help -d 'List the commands'
complete -c headend -n __fish_use_subcommand -l version -d 'Print the version'

complete -c headend -n '__fish_seen_subcommand_from run check graph edge status drill load' -k -a '(__fish_complete_suffix .json)'
complete -c headend -n '__fish_seen_subcommand_from run check graph edge status drill load' -s h -l help -d 'Say more'
complete -c headend -n '__headend_at run' -x -s n -l node -a '(__headend_names node)' -d 'Run this node only'
complete -c headend -n '__headend_at run' -x -s c -l channel -a '(__headend_names channel)' -d 'Run the worker of this channel only'
complete -c headend -n '__headend_at run' -s o -l origin -d 'Run the origin only, and what --channel names'
complete -c headend -n '__headend_at graph' -l dot -d 'For Graphviz'
complete -c headend -n '__headend_at edge' -x -s d -l dir -a '(__fish_complete_directories)' -d 'Where the edge keeps its cache'
complete -c headend -n '__headend_at edge' -x -s f -l for -a 'nginx varnish' -d 'What server'
complete -c headend -n '__headend_at edge' -x -s n -l node -a '(__headend_names node)' -d 'On whose machine'
complete -c headend -n '__headend_at edge' -r -F -s c -l certificate -d 'TLS'
complete -c headend -n '__headend_at edge' -r -F -s k -l key -d 'Of the certificate'
complete -c headend -n '__headend_at status' -s j -l json -d 'Print JSON'
complete -c headend -n '__headend_at drill; and test (count (commandline -opc)) -gt 2' -a "(headend drill --list 2>/dev/null | string replace -r ' .*' '')"
complete -c headend -n '__headend_at detect' -F
complete -c headend -n '__headend_at detect' -s h -l help -d 'Say more'
complete -c headend -n '__headend_at detect' -x -s d -l description -a '(__fish_complete_suffix .json)' -d 'With its secret'
complete -c headend -n '__headend_at detect' -x -s c -l channel -d 'Channel that it may be'
complete -c headend -n '__headend_at detect' -x -l around -d 'When it was on air'
complete -c headend -n '__headend_at detect' -x -l window -d 'Hours that are searched'
complete -c headend -n '__headend_at detect' -x -l state -a '(__fish_complete_directories)' -d 'State folder of a node'
complete -c headend -n '__headend_at detect' -x -l archive -a '(__fish_complete_directories)' -d 'Both variants of its segments'
complete -c headend -n '__headend_at detect' -l epoch -d 'Its timestamps are epoch time'
complete -c headend -n '__headend_at detect' -l whole -d 'It shows whole frames'
complete -c headend -n '__headend_at drill' -s l -l list -d 'Say what there is'
complete -c headend -n '__headend_at drill' -x -s c -l channel -a '(__headend_names channel)' -d 'Channel of the description'
complete -c headend -n '__headend_at drill' -x -l viewers -d 'So many viewers more'
complete -c headend -n '__headend_at drill' -x -s s -l seconds -d 'How long a soak lasts'
complete -c headend -n '__headend_at drill' -x -l seed -d 'Of all chance'
complete -c headend -n '__headend_at drill' -s k -l keep -d 'Leave the folder with the logs behind'
complete -c headend -n '__headend_at drill' -r -s r -l report -d 'Where the report is written'

complete -c headend -n '__headend_at load' -r -F -s k -l key -d 'Private key that tokens are signed with'
complete -c headend -n '__headend_at load' -x -s n -l viewers -d 'Viewers at the end'
complete -c headend -n '__headend_at load' -x -s s -l seconds -d 'How long each step lasts'
complete -c headend -n '__headend_at load' -x -s c -l channel -a '(__headend_names channel)' -d 'Channel of the description'
complete -c headend -n '__headend_at load' -x -s e -l edge -d 'Where viewers go'
complete -c headend -n '__headend_at load' -x -l transport -a 'cookie path' -d 'Of the credential'
complete -c headend -n '__headend_at load' -r -F -s r -l report -d 'Where a report is written'

complete -c headend -n '__headend_at trace' -F
complete -c headend -n '__headend_at trace' -s h -l help -d 'Say more'
complete -c headend -n '__headend_at trace' -r -F -s d -l description -d 'Of the channel'
complete -c headend -n '__headend_at trace' -x -s c -l channel -a '(__headend_names channel)' -d 'The channel'
complete -c headend -n '__headend_at trace' -r -F -l candidates -d 'Accounts, one in each line'
complete -c headend -n '__headend_at trace' -x -l ledger -a '(__fish_complete_directories)' -d 'State folder of a node'
complete -c headend -n '__headend_at trace' -x -l false-alarm -d 'Probability of accusing anybody wrongly'
complete -c headend -n '__headend_at trace' -r -F -s j -l json -d 'Write a report in JSON'
complete -c headend -n '__headend_at trace' -r -F -l html -d 'Write a report as a page'

complete -c headend -n '__headend_at token; and test (count (commandline -opc)) -eq 2' -a 'keygen rotate mint inspect revoke watermark'
complete -c headend -n '__headend_at token' -l help -d 'Say more'
complete -c headend -n '__headend_at token keygen' -x -l dir -a '(__fish_complete_directories)' -d 'Folder for the keys'
complete -c headend -n '__headend_at token keygen' -x -l algorithm -a 'ES256 EdDSA RS256 PS256 HS256' -d 'Of the signature'
complete -c headend -n '__headend_at token rotate' -x -l dir -a '(__fish_complete_directories)' -d 'Folder for the keys'
complete -c headend -n '__headend_at token rotate' -x -l algorithm -a 'ES256 EdDSA RS256 PS256 HS256' -d 'Of the new key'
complete -c headend -n '__headend_at token rotate' -x -l keep -d 'Seconds that old tokens stay good'
complete -c headend -n '__headend_at token rotate' -x -l wait -d 'Seconds before the new key signs'
complete -c headend -n '__headend_at token rotate' -l announce -d 'Only make the new key known'
complete -c headend -n '__headend_at token mint' -r -F -l key -d 'Private key'
complete -c headend -n '__headend_at token mint' -x -l algorithm -a PS256 -d 'Else the key says it'
complete -c headend -n '__headend_at token mint' -l page -d 'URLs of the watch page'
complete -c headend -n '__headend_at token mint' -x -l account -d 'Name of the account'
complete -c headend -n '__headend_at token mint' -x -l channel -d 'Channel that may be watched'
complete -c headend -n '__headend_at token mint' -x -l issuer -d 'Who issues'
complete -c headend -n '__headend_at token mint' -x -l audience -d 'Whom it is for'
complete -c headend -n '__headend_at token mint' -x -l ttl -d 'Seconds it may open a session'
complete -c headend -n '__headend_at token mint' -x -l session -d 'Longest session'
complete -c headend -n '__headend_at token mint' -x -l max-sessions -d 'Sessions at once'
complete -c headend -n '__headend_at token mint' -x -l url -d 'Print watch URLs below this base'
complete -c headend -n '__headend_at token mint' -x -l transport -a 'cookie path' -d 'How the credential travels'
complete -c headend -n '__headend_at token revoke' -F
complete -c headend -n '__headend_at token revoke' -x -l account -d 'Name of the account'
complete -c headend -n '__headend_at token revoke' -x -l session -d 'As the ledger names it'
complete -c headend -n '__headend_at token revoke' -x -l token -d 'headend_tid of the token'
complete -c headend -n '__headend_at token revoke' -x -l keep -d 'Seconds that it is remembered'
complete -c headend -n '__headend_at token watermark' -F
complete -c headend -n '__headend_at token watermark' -x -l account -d 'Name of the account'
complete -c headend -n '__headend_at token watermark' -x -l channel -d 'Channel that it is for'
complete -c headend -n '__headend_at token watermark' -r -F -l key -d '64 hex digits that the edge has too'
complete -c headend -n '__headend_at token watermark' -x -l ttl -d 'Seconds it is good for'
complete -c headend -n '__headend_at token watermark' -x -l vendor -d 'Its wmvnd'
complete -c headend -n '__headend_at token watermark' -x -l state -a '(__fish_complete_directories)' -d 'State folder of a node'
