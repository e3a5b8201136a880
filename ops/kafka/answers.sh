#!/bin/bash
# answers.sh HOST PORT: whether a Kafka broker answers there, within 3 s. Exit status 0 if so.
#
# Asks for ApiVersions, the first request of every client, which a broker answers once it serves. Kafka's own tools ask
# the same from a JVM, which costs seconds of CPU at every check; this is bash and two small programs.
set -euo pipefail

# size 10 | API key 18, ApiVersions | version 0 | correlation id 7 | no client id
request='\0\0\0\012\0\022\0\0\0\0\0\007\377\377'

# An answer begins with its size, the correlation id and an error code: 0 is none.
answer=$(timeout 3 bash -c '
    exec 3<>"/dev/tcp/$1/$2"
    printf "$3" >&3
    head -c 10 <&3 | od -An -v -tx1
' probe "$1" "$2" "$request" 2>/dev/null | tr -d ' \n') || exit 1
[[ $answer == ????????000000070000 ]]
