//! Integration tests.

mod bad_files;
mod transcripts;
mod vectors;
