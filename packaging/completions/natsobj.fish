# SPDX-License-Identifier: Apache-2.0
# Completion of natsobj for fish: /usr/share/fish/vendor_completions.d/natsobj.fish

function __natsobj_buckets
    natsobj ls --timeout 2s 2>/dev/null
end
function __natsobj_objects
    set -l words (commandline -opc)
    test (count $words) -ge 3; and natsobj ls $words[3] --timeout 2s 2>/dev/null | head -n 200
end

complete -c natsobj -f
complete -c natsobj -n __fish_use_subcommand -a add -d 'create a bucket'
complete -c natsobj -n __fish_use_subcommand -a edit -d 'change the settings of a bucket'
complete -c natsobj -n __fish_use_subcommand -a ls -d 'list the buckets, or the objects of one'
complete -c natsobj -n __fish_use_subcommand -a info -d 'describe a bucket or an object'
complete -c natsobj -n __fish_use_subcommand -a seal -d 'make a bucket read-only for ever'
complete -c natsobj -n __fish_use_subcommand -a del -d 'delete an object or a bucket'
complete -c natsobj -n __fish_use_subcommand -a put -d 'store a file, a tree or standard input'
complete -c natsobj -n __fish_use_subcommand -a get -d 'copy an object or a tree to files'
complete -c natsobj -n __fish_use_subcommand -a cat -d 'write objects to standard output'
complete -c natsobj -n __fish_use_subcommand -a mv -d 'rename an object'
complete -c natsobj -n __fish_use_subcommand -a cp -d 'copy an object'
complete -c natsobj -n __fish_use_subcommand -a meta -d 'show or change description, headers and metadata'
complete -c natsobj -n __fish_use_subcommand -a link -d 'store a link to an object or a bucket'
complete -c natsobj -n __fish_use_subcommand -a watch -d 'report changes as they happen'
complete -c natsobj -n __fish_use_subcommand -a verify -d 'check objects against their digests'
complete -c natsobj -n __fish_use_subcommand -a mount -d 'mount a bucket as a directory'
complete -c natsobj -n __fish_use_subcommand -a umount -d 'unmount a directory'
complete -c natsobj -n __fish_use_subcommand -a mounts -d 'list the mounts of this host'
complete -c natsobj -n __fish_use_subcommand -a status -d 'show the state of a mount, or of a bucket'
complete -c natsobj -n __fish_use_subcommand -a bench -d 'measure how fast the server stores and reads'
complete -c natsobj -n __fish_use_subcommand -a help -d 'about a command'

complete -c natsobj -l json
complete -c natsobj -l quiet -s q
complete -c natsobj -l help
complete -c natsobj -l server -s s -x
complete -c natsobj -l context -x
complete -c natsobj -l creds -rF
complete -c natsobj -l nkey -rF
complete -c natsobj -l user -x
complete -c natsobj -l password-file -rF
complete -c natsobj -l token-file -rF
complete -c natsobj -l tlsca -rF
complete -c natsobj -l tlscert -rF
complete -c natsobj -l tlskey -rF
complete -c natsobj -l domain -x
complete -c natsobj -l inbox-prefix -x
complete -c natsobj -l timeout -x

complete -c natsobj -n '__fish_seen_subcommand_from add' -l description -x
complete -c natsobj -n '__fish_seen_subcommand_from add' -l ttl -x
complete -c natsobj -n '__fish_seen_subcommand_from add' -l max-bucket-size -x
complete -c natsobj -n '__fish_seen_subcommand_from add' -l storage -xa 'file memory'
complete -c natsobj -n '__fish_seen_subcommand_from add' -l replicas -x
complete -c natsobj -n '__fish_seen_subcommand_from add' -l placement-cluster -x
complete -c natsobj -n '__fish_seen_subcommand_from add' -l tags -x
complete -c natsobj -n '__fish_seen_subcommand_from add' -l metadata -x
complete -c natsobj -n '__fish_seen_subcommand_from add' -l compress
complete -c natsobj -n '__fish_seen_subcommand_from edit' -l description -x
complete -c natsobj -n '__fish_seen_subcommand_from edit' -l ttl -x
complete -c natsobj -n '__fish_seen_subcommand_from edit' -l max-bucket-size -x
complete -c natsobj -n '__fish_seen_subcommand_from edit' -l replicas -x
complete -c natsobj -n '__fish_seen_subcommand_from edit' -l placement-cluster -x
complete -c natsobj -n '__fish_seen_subcommand_from edit' -l tags -x
complete -c natsobj -n '__fish_seen_subcommand_from edit' -l metadata -x
complete -c natsobj -n '__fish_seen_subcommand_from ls' -l long
complete -c natsobj -n '__fish_seen_subcommand_from ls' -l human
complete -c natsobj -n '__fish_seen_subcommand_from ls' -l prefix -x
complete -c natsobj -n '__fish_seen_subcommand_from ls' -l glob -x
complete -c natsobj -n '__fish_seen_subcommand_from ls' -l deleted
complete -c natsobj -n '__fish_seen_subcommand_from info' -l deleted
complete -c natsobj -n '__fish_seen_subcommand_from seal' -l force
complete -c natsobj -n '__fish_seen_subcommand_from del' -l force
complete -c natsobj -n '__fish_seen_subcommand_from put' -l name -x
complete -c natsobj -n '__fish_seen_subcommand_from put' -l description -x
complete -c natsobj -n '__fish_seen_subcommand_from put' -l header -x
complete -c natsobj -n '__fish_seen_subcommand_from put' -l metadata -x
complete -c natsobj -n '__fish_seen_subcommand_from put' -l chunk-size -x
complete -c natsobj -n '__fish_seen_subcommand_from put' -l recursive
complete -c natsobj -n '__fish_seen_subcommand_from put' -l preserve
complete -c natsobj -n '__fish_seen_subcommand_from put' -l no-clobber
complete -c natsobj -n '__fish_seen_subcommand_from get' -l output -rF
complete -c natsobj -n '__fish_seen_subcommand_from get' -l range -x
complete -c natsobj -n '__fish_seen_subcommand_from get' -l recursive
complete -c natsobj -n '__fish_seen_subcommand_from get' -l preserve
complete -c natsobj -n '__fish_seen_subcommand_from cat' -l range -x
complete -c natsobj -n '__fish_seen_subcommand_from mv' -l force
complete -c natsobj -n '__fish_seen_subcommand_from cp' -l to-bucket -xa '(__natsobj_buckets)'
complete -c natsobj -n '__fish_seen_subcommand_from cp' -l force
complete -c natsobj -n '__fish_seen_subcommand_from meta' -l description -x
complete -c natsobj -n '__fish_seen_subcommand_from meta' -l set -x
complete -c natsobj -n '__fish_seen_subcommand_from meta' -l unset -x
complete -c natsobj -n '__fish_seen_subcommand_from meta' -l header -x
complete -c natsobj -n '__fish_seen_subcommand_from meta' -l unset-header -x
complete -c natsobj -n '__fish_seen_subcommand_from link' -l bucket -xa '(__natsobj_buckets)'
complete -c natsobj -n '__fish_seen_subcommand_from link' -l force
complete -c natsobj -n '__fish_seen_subcommand_from watch' -l prefix -x
complete -c natsobj -n '__fish_seen_subcommand_from watch' -l glob -x
complete -c natsobj -n '__fish_seen_subcommand_from watch' -l history
complete -c natsobj -n '__fish_seen_subcommand_from watch' -l ignore-deletes
complete -c natsobj -n '__fish_seen_subcommand_from watch' -l count -x
complete -c natsobj -n '__fish_seen_subcommand_from watch' -l exec -x
complete -c natsobj -n '__fish_seen_subcommand_from verify' -l prefix -x
complete -c natsobj -n '__fish_seen_subcommand_from mount' -l options -x
complete -c natsobj -n '__fish_seen_subcommand_from bench' -l size -x
complete -c natsobj -n '__fish_seen_subcommand_from bench' -l objects -x
complete -c natsobj -n '__fish_seen_subcommand_from bench' -l storage -xa 'file memory'

complete -c natsobj -n '__fish_seen_subcommand_from edit ls info seal del put get cat mv cp meta link watch verify mount status bench; and test (count (commandline -opc)) -eq 2' -a '(__natsobj_buckets)'
complete -c natsobj -n '__fish_seen_subcommand_from info del get cat mv cp meta link verify; and test (count (commandline -opc)) -ge 3' -a '(__natsobj_objects)'
complete -c natsobj -n '__fish_seen_subcommand_from put mount umount status; and test (count (commandline -opc)) -ge 2' -F
