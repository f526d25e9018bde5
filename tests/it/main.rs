//! Integration tests.

mod bad_files;
mod cli;
mod dialogues;
mod tidy;
mod transcripts;
mod vectors;
