"""What is an entry? Canonical text, hash, chains, anchors, replay, verify, and an abstract store.

Every accepted act is one append-only entry; nothing else in the project remembers what happened.
`append` is the only function that adds one.
"""
