//! Values of flags, read from text; what is wrong with one is a sentence.

use std::fmt;
use std::ops::Range;

use broker_model::types::MILLISECOND;
use reports::checker::Anomaly;

/// Runs at a time at most: more threads than any machine has processors only stand in each other's way.
pub(in crate::cli) const THREADS_MAX: i64 = 1_024;

/// Processes that may share a sweep.
const SHARDS_MAX: u64 = 100_000;

/// The name of an anomaly.
pub(super) fn anomaly(text: &str) -> Result<Anomaly, String> {
    Anomaly::of_name(text).ok_or_else(|| {
        let near = Anomaly::ALL.iter().filter(|one| one.name().contains(text) && !text.is_empty());
        let near: Vec<&str> = near.map(|one| one.name()).collect();
        match near[..] {
            [] => "no anomaly has this name; docs/scenario.md names them".to_owned(),
            _ => format!("no anomaly has this name; there is {}", near.join(", ")),
        }
    })
}

/// `PATH=VALUE`.
pub(in crate::cli) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => {
            Ok((path.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write PATH=VALUE, as in cluster.brokers=5".to_owned()),
    }
}

/// `A..B` or `A..=B`, not empty.
pub(super) fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || "write A..B, as in 0..100, which is the seeds 0 to 99".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let from: u64 = from.trim().parse().map_err(|_| wrong())?;
    let (to, more) = match to.strip_prefix('=') {
        Some(to) => (to, 1),
        None => (to, 0),
    };
    let to: u64 = to.trim().parse().map_err(|_| wrong())?;
    let to = to.checked_add(more).ok_or("the last seed is too large")?;
    if from >= to {
        return Err(format!("there is no seed in {text}: the second number is not part of it"));
    }
    Ok(from..to)
}

/// A time by the clock on the wall, in milliseconds, at least one: `500ms`, `90s`, `10m`, `2h`.
pub(in crate::cli) fn wall_time(text: &str) -> Result<u64, String> {
    let wrong = || "write a number with its unit, as in 500ms, 90s, 10m or 2h".to_owned();
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..end].parse().map_err(|_| wrong())?;
    let unit = match text[end..].trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    match number.checked_mul(unit) {
        None => Err(format!("{text} is too long")),
        Some(0) => Err("that is no time at all".to_owned()),
        Some(ms) => Ok(ms),
    }
}

/// The longest time in a run, in nanoseconds: a day.
const SPAN_MAX: u64 = 86_400 * 1_000 * MILLISECOND;

/// A time in a run, in nanoseconds, up to a day and at least one millisecond: `500ms`, `5s`.
pub(super) fn span(text: &str) -> Result<u64, String> {
    let ms = wall_time(text)?;
    let span = ms.checked_mul(MILLISECOND).filter(|span| *span <= SPAN_MAX);
    span.ok_or_else(|| format!("{text} is too long"))
}

/// The part of a sweep that one process of several takes: every `of`-th run, the first of them
/// being number `number`, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::cli) struct Shard {
    /// Which of them, 1 to `of`.
    pub(in crate::cli) number: u64,
    /// How many there are.
    pub(in crate::cli) of: u64,
}

impl Shard {
    /// The only one.
    pub(in crate::cli) const WHOLE: Self = Self { number: 1, of: 1 };
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// `I/N`, with I from 1 to N.
pub(in crate::cli) fn shard(text: &str) -> Result<Shard, String> {
    let wrong = || "write I/N, as in 2/4, which is the second of four".to_owned();
    let (number, of) = text.split_once('/').ok_or_else(wrong)?;
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    let of: u64 = of.trim().parse().map_err(|_| wrong())?;
    if of > SHARDS_MAX {
        return Err(format!("at most {SHARDS_MAX} processes share a sweep"));
    }
    if number == 0 || number > of {
        return Err(format!("there is no number {number} of {of}: they count from 1"));
    }
    Ok(Shard { number, of })
}

#[cfg(test)]
mod tests {
    use super::{Shard, assignment, seeds, shard, wall_time};

    #[test]
    fn ranges_of_seeds_leave_out_their_end() {
        assert_eq!(seeds("0..100"), Ok(0..100));
        assert_eq!(seeds("5..=5"), Ok(5..6));
        assert!(
            seeds("5..5").is_err()
                && seeds("7").is_err()
                && seeds("0..=18446744073709551615").is_err()
        );
    }

    #[test]
    fn values_may_contain_signs_of_equality() {
        assert_eq!(assignment("a.b = x=y"), Ok(("a.b".to_owned(), "x=y".to_owned())));
        assert!(assignment("=1").is_err() && assignment("a").is_err());
    }

    #[test]
    fn times_have_units() {
        for (text, ms) in [("500ms", 500), ("90s", 90_000), ("10m", 600_000), ("2 h", 7_200_000)] {
            assert_eq!(wall_time(text), Ok(ms), "{text}");
        }
        for text in ["", "10", "m", "-1s", "0s", "1.5h", "1d", "99999999999999999h"] {
            assert!(wall_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shards_count_from_one() {
        assert_eq!(shard("2/4"), Ok(Shard { number: 2, of: 4 }));
        assert_eq!(shard("1/1"), Ok(Shard::WHOLE));
        for text in ["0/4", "5/4", "1/0", "2", "a/b", "1/2/3", "1/99999999999"] {
            assert!(shard(text).is_err(), "{text}");
        }
    }
}
