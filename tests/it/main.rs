//! Integration tests.

mod transcripts;
mod vectors;
