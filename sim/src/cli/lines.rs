//! Files of lines that only grow at their end. A line counts from its line end on: a process that is
//! killed leaves whole lines and at most a piece of one.

use serde::Serialize;

/// All up to the last line end.
pub(super) fn whole(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

/// A value as JSON, with its line end.
pub(super) fn line_of<T: Serialize>(value: &T) -> String {
    let mut line = serde_json::to_string(value).expect("it has string keys and finite numbers");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_piece_of_a_line_does_not_count() {
        assert_eq!(whole(b"one\ntwo\nthr"), b"one\ntwo\n");
        assert_eq!(whole(b"one\n"), b"one\n");
        assert_eq!(whole(b"on"), b"");
    }
}
