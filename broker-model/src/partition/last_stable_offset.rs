//! The end of what `read_committed` may see. Source: KIP-98.

use crate::rules::{LastStableOffset, Rules};
use crate::types::Offset;

/// The start of the first unstable transaction or the high watermark, whichever is less.
#[must_use]
pub fn last_stable_offset(
    rules: &Rules,
    first_unstable: Option<Offset>,
    high_watermark: Offset,
    log_end: Offset,
) -> Offset {
    match rules.last_stable_offset {
        LastStableOffset::Bounded => {
            first_unstable.map_or(high_watermark, |first| first.min(high_watermark))
        }
        LastStableOffset::LogEnd => log_end,
    }
}
