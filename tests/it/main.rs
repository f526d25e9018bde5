//! Integration tests. Determinism comes first: without it no other result means anything.

mod refused_sends;
mod run_twice;

mod bad_files;
mod canaries;
mod cli;
mod command;
mod compression;
mod deletions;
mod delivery;
mod dialogues;
mod eras;
mod explain;
mod hanging;
mod hardware;
mod hosted;
mod mutants;
mod outbox;
mod place;
mod scenarios;
mod scope;
mod shrink;
mod small;
mod stories;
mod sweeps;
mod telling;
mod tidy;
mod transcripts;
mod vectors;
mod versions;
mod warnings;
mod zoo;
