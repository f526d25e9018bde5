//! `TOPIC/PARTITION` and what names such places.

use crate::units::Wrong;
use crate::values;

/// Reads `TOPIC/PARTITION`.
pub(super) fn topic_partition(text: &str) -> Result<(String, u32), Wrong> {
    let wrong = || {
        let short: String = text.chars().take(60).collect();
        Wrong::new("scenario::partition", format!("{short:?} names no partition"))
            .help("write TOPIC/PARTITION, like \"orders/0\"")
    };
    let (topic, partition) = text.rsplit_once('/').ok_or_else(wrong)?;
    if let Some(problem) = values::name_problem(topic) {
        return Err(problem);
    }
    Ok((topic.to_owned(), number(partition).ok_or_else(wrong)?))
}

/// Reads a number without sign.
pub(super) fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A name in the middle of a text.
pub(super) fn name(text: &str) -> Result<String, Wrong> {
    match values::name_problem(text) {
        None => Ok(text.to_owned()),
        Some(problem) => Err(problem),
    }
}
