//! Replay tokens: version, scenario digest, seed, file and flags of a run, in a form that can be
//! read, and pasted into a shell without quotes.
//!
//! `assize1:0.1.0:0f3c…:7:scenarios/smoke/temperature.toml:cluster.brokers=5`

use std::fmt;

const MARK: &str = "assize1";
/// The command that runs what a token names, up to the token.
const COMMAND: &str = "assize replay ";

/// What names a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    /// The version of assize.
    pub(super) version: String,
    /// The digest of the resolved scenario.
    pub(super) digest: u64,
    /// The seed.
    pub(super) seed: u64,
    /// The scenario file.
    pub(super) path: String,
    /// The flags laid over it.
    pub(super) set: Vec<(String, String)>,
}

impl Token {
    /// The command that runs it again.
    pub(super) fn command(&self) -> String {
        format!("{COMMAND}{self}")
    }

    /// The token in such a command; none in any other.
    pub(super) fn in_command(command: &str) -> Option<&str> {
        command.strip_prefix(COMMAND)
    }

    /// Whether a text means to be a token.
    pub(super) fn looks_like(text: &str) -> bool {
        text.starts_with("assize") && text.contains(':')
    }

    /// Reads a token; an error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let cut = "the token is damaged or cut off; copy all of it";
        let mut parts = text.trim().split(':');
        match parts.next() {
            Some(MARK) => {}
            Some(mark) => return Err(format!("tokens begin with `{MARK}:`, not with `{mark}:`")),
            None => return Err(cut.to_owned()),
        }
        let mut next = || parts.next().ok_or_else(|| cut.to_owned());
        let version = unescape(next()?).ok_or(cut)?;
        let digest = next()?;
        let digest = u64::from_str_radix(digest, 16)
            .ok()
            .filter(|_| digest.len() == 16)
            .ok_or("the token's scenario digest is not 16 hex digits")?;
        let seed = next()?.parse().map_err(|_| "the token's seed is not a number")?;
        let path = unescape(next()?).filter(|path| !path.is_empty()).ok_or(cut)?;
        let set = parts
            .map(|part| {
                let (path, value) = part.split_once('=')?;
                Some((unescape(path)?, unescape(value)?))
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(cut)?;
        Ok(Self { version, digest, seed, path, set })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, digest, seed, path, set } = self;
        write!(f, "{MARK}:{}:{digest:016x}:{seed}:{}", escape(version), escape(path))?;
        for (path, value) in set {
            write!(f, ":{}={}", escape(path), escape(value))?;
        }
        Ok(())
    }
}

/// Everything that means something to a shell or to a token as `%` and two hex digits.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-' | b'+' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Token;

    proptest! {
        #[test]
        fn reading_gives_back_what_was_written(
            digest: u64,
            seed: u64,
            path in ".{1,40}",
            set in proptest::collection::vec((".{0,12}", ".{0,12}"), 0..4),
        ) {
            let token = Token { version: "0.1.0".to_owned(), digest, seed, path, set };
            let text = token.to_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_graphic() && !b"$&;|<>()'\"`\\!*?#~ ".contains(&b)));
            prop_assert_eq!(Token::parse(&text), Ok(token));
        }

        #[test]
        fn nothing_breaks_the_reader(text in ".{0,60}") {
            let _ = Token::parse(&format!("assize1:{text}"));
        }
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for text in [
            "",
            "assize1",
            "assize2:0:0:0:a",
            "assize1:0.1.0:12:0:a",
            "assize1:0.1.0:00000000000000ff:x:a",
            "assize1:0.1.0:00000000000000ff:1:",
            "assize1:0.1.0:00000000000000ff:1:a:b",
            "assize1:0.1.0:00000000000000ff:1:a%f",
        ] {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }
}
