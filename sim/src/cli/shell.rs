//! Words of commands that are told, fit to be pasted into a shell.

use std::borrow::Cow;

/// A word as a POSIX shell reads it back: in single quotes if it has anything that means something
/// else there.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn what_a_shell_would_split_or_change_is_quoted() {
        assert_eq!(quoted("out/sweep_1.toml"), "out/sweep_1.toml");
        assert_eq!(quoted("my out/$x"), "'my out/$x'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("Ergebnisse für"), "'Ergebnisse für'");
        assert_eq!(quoted(""), "''");
    }
}
