//! Integration tests.

mod bad_files;
mod dialogues;
mod tidy;
mod transcripts;
mod vectors;
