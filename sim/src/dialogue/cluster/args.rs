//! The words of a command.

use broker_model::types::{Duration, MILLISECOND};

use super::DialogueErrorKind;

/// Positional words and `key=value` ones of a command, in order. Quotes keep spaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Args {
    pub(super) words: Vec<String>,
    pub(super) named: Vec<(String, String)>,
}

impl Args {
    pub(super) fn parse(text: &str) -> Self {
        let mut args = Self::default();
        for word in split_words(text) {
            match word.split_once('=').filter(|(key, _)| is_key(key)) {
                Some((key, value)) => args.named.push((key.to_string(), value.replace('"', ""))),
                None => args.words.push(word.replace('"', "")),
            }
        }
        args
    }

    pub(super) fn word(&self, index: usize) -> Result<&str, DialogueErrorKind> {
        let word = self.words.get(index).map(String::as_str);
        word.ok_or_else(|| DialogueErrorKind::syntax(format!("word {} is missing", index + 1)))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.named.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    pub(super) fn number<T: std::str::FromStr>(
        &self,
        key: &str,
        otherwise: T,
    ) -> Result<T, DialogueErrorKind> {
        self.get(key).map_or(Ok(otherwise), |text| parse(text))
    }

    /// `key=N` milliseconds as a duration.
    pub(super) fn millis(&self, key: &str, otherwise: u64) -> Result<Duration, DialogueErrorKind> {
        Ok(self.number(key, otherwise)?.saturating_mul(MILLISECOND))
    }

    /// `key=N`, or `+N` and `-N` from a base, else the base.
    pub(super) fn relative(&self, key: &str, base: i64) -> Result<i64, DialogueErrorKind> {
        match self.get(key) {
            None => Ok(base),
            Some(text) => match text.strip_prefix('+') {
                Some(more) => Ok(base.saturating_add(parse(more)?)),
                None if text.starts_with('-') => Ok(base.saturating_add(parse(text)?)),
                None => parse(text),
            },
        }
    }

    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        split(self.get(key).unwrap_or(""))
    }

    /// Refuses options that the model has no answer to.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), DialogueErrorKind> {
        match self.named.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => Err(DialogueErrorKind::unsupported(format!("option `{key}`"))),
            None => Ok(()),
        }
    }
}

pub(super) fn parse<T: std::str::FromStr>(text: &str) -> Result<T, DialogueErrorKind> {
    text.parse().map_err(|_| DialogueErrorKind::syntax(format!("`{text}` is not such a number")))
}

/// The items of a comma-separated list.
pub(super) fn split(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').collect() }
}

fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn split_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        match words.last_mut() {
            Some(word) if !c.is_whitespace() || quoted => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_options_and_quotes_are_told_apart() {
        let args = Args::parse(r#"t-0 records="a b":1,c ts= "b@d" 2147483647 hw >= 1"#);
        assert_eq!(args.words, ["t-0", "b@d", "2147483647", "hw", ">=", "1"]);
        assert_eq!(args.list("records"), ["a b:1", "c"]);
        assert_eq!(args.get("ts"), Some(""));
        assert!(args.only(&["records", "ts"]).is_ok() && args.only(&["ts"]).is_err());
    }
}
