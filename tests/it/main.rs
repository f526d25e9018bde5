//! Integration tests.

mod dialogues;
mod bad_files;
mod transcripts;
mod vectors;
