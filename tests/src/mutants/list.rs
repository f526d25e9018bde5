//! The list of mutants, and how they come into a source text.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A mistake.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// A short name.
    pub id: String,
    /// The file, relative to the repository.
    pub file: String,
    /// A text that occurs once in the file, where `find` alone occurs more often; `find` is once
    /// in it.
    pub at: Option<String>,
    /// The expression, or the statements with their last semicolon, that are replaced. They
    /// declare no variable and stand in no `const fn`.
    pub find: String,
    /// What stands there instead; nothing in the place of statements leaves them out.
    pub replace: String,
    /// What it breaks, in words without a final period.
    pub breaks: String,
    /// Why search does not find it, if it does not.
    pub why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

/// All there are, in the order of the list.
///
/// # Panics
/// When `tests/mutants/list.toml` cannot be read.
#[must_use]
pub fn all() -> Vec<Mutant> {
    let path = crate::root().join("tests/mutants/list.toml");
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let list: List = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    list.mutant
}

impl Mutant {
    /// Whether it is known to change nothing that anybody could see, or nothing but times: another line
    /// does the same once more.
    #[must_use]
    pub fn makes_no_difference(&self) -> bool {
        let why = self.why.as_deref();
        why.is_some_and(|why| why.starts_with("equivalent") || why.starts_with("guarded"))
    }

    /// A number that changes with what it does, 16 hex digits.
    #[must_use]
    pub fn digest(&self) -> String {
        let parts = [&self.file, self.at.as_ref().unwrap_or(&self.file), &self.find, &self.replace];
        digest(parts.into_iter().map(String::as_str))
    }

    /// Where in its file the mistake is made, from and to.
    ///
    /// # Errors
    /// When the place is not there, or not once.
    pub fn place(&self, source: &str) -> Result<(usize, usize), String> {
        let once = |text: &str, part: &str| {
            let mut places = text.match_indices(part).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (None, _) => Err(format!("{}: not in {}: {part}", self.id, self.file)),
                _ => Err(format!("{}: more than once in {}: {part}", self.id, self.file)),
            }
        };
        let (begin, text) = match &self.at {
            Some(at) => (once(source, at)?, at.as_str()),
            None => (0, source),
        };
        let from = begin + once(text, &self.find)?;
        Ok((from, from + self.find.len()))
    }
}

/// A number of texts in their order, 16 hex digits (FNV-1a).
pub(super) fn digest<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let bytes = texts.flat_map(|text| text.bytes().chain([0]));
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", bytes.fold(0xcbf2_9ce4_8422_2325, mix))
}

/// A source text in which each of these mutants, all of its file, can be switched on by its number.
///
/// # Errors
/// When one has no place, or two of them overlap.
pub fn mutated(source: &str, mutants: &[(usize, &Mutant)]) -> Result<String, String> {
    let mut places: BTreeMap<(usize, usize), Vec<(usize, &Mutant)>> = BTreeMap::new();
    for &(number, mutant) in mutants {
        places.entry(mutant.place(source)?).or_default().push((number, mutant));
    }
    let mut text = String::new();
    let mut done = 0;
    for ((from, to), here) in places {
        if from < done {
            return Err(format!("{}: another one is in the same place", here[0].1.id));
        }
        text.push_str(&source[done..from]);
        text.push_str(&choice(&source[from..to], &here));
        done = to;
    }
    text.push_str(&source[done..]);
    Ok(text)
}

/// The text of one place: `original`, or what a mutant has instead.
fn choice(original: &str, mutants: &[(usize, &Mutant)]) -> String {
    let mut text = String::new();
    for (number, mutant) in mutants {
        let (id, replace) = (&mutant.id, &mutant.replace);
        text.push_str(&format!("if crate::mutant::is({number} /* {id} */) {{ {replace} }} else "));
    }
    text.push_str(&format!("{{ {original} }}"));
    let statements = original.ends_with([';', '}']);
    if statements { text } else { format!("({text})") }
}

#[cfg(test)]
mod tests {
    use super::{Mutant, mutated};

    fn mutant(at: Option<&str>, find: &str, replace: &str) -> Mutant {
        Mutant {
            id: "one".to_owned(),
            file: "a.rs".to_owned(),
            at: at.map(str::to_owned),
            find: find.to_owned(),
            replace: replace.to_owned(),
            breaks: String::new(),
            why: None,
        }
    }

    #[test]
    fn expressions_and_statements_are_chosen_by_number() {
        let (one, two) = (mutant(None, "a < b", "a <= b"), mutant(None, "go();", ""));
        let text = mutated("if a < b { go(); }", &[(1, &one), (2, &two)]);
        let expected = "if (if crate::mutant::is(1 /* one */) { a <= b } else { a < b }) { \
                        if crate::mutant::is(2 /* one */) {  } else { go(); } }";
        assert_eq!(text.as_deref(), Ok(expected));
    }

    #[test]
    fn a_place_must_be_there_once() {
        assert!(mutant(None, "c", "").place("a b").is_err());
        assert!(mutant(None, "a", "").place("a b a").is_err());
        assert_eq!(mutant(Some("b a"), "a", "").place("a b a"), Ok((4, 5)));
        let (one, two) = (mutant(None, "a b", ""), mutant(None, "b", ""));
        assert!(mutated("a b", &[(1, &one), (2, &two)]).is_err());
    }
}
