//! How far a partition is replicated. Source: KIP-497 (maximal ISR), KIP-966 (strict min ISR).

use crate::rules::{HighWatermarkMoves, HighWatermarkRule, HwRequiresMinIsr, Rules};
use crate::types::Offset;

/// A follower as the high watermark sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HoldsBack {
    /// Its log end offset as of its last fetch; [`Offset::NONE`] before the first.
    pub log_end_offset: Offset,
    /// In the maximal ISR, or caught up and about to join.
    pub counts: bool,
}

/// The high watermark after a leader heard news. It never falls, and does not move while the
/// ISR is smaller than `min.insync.replicas`.
pub fn high_watermark(
    rules: &Rules,
    current: Offset,
    leader_end: Offset,
    followers: impl Iterator<Item = HoldsBack>,
    under_min_isr: bool,
) -> Offset {
    if under_min_isr && rules.hw_requires_min_isr == HwRequiresMinIsr::On {
        return current;
    }
    let replicated = match rules.high_watermark {
        HighWatermarkRule::LeaderOnly => leader_end,
        HighWatermarkRule::MaximalIsr => {
            followers.filter(|f| f.counts).map(|f| f.log_end_offset).fold(leader_end, Offset::min)
        }
    };
    match rules.high_watermark_moves {
        HighWatermarkMoves::Forward => replicated.max(current),
        HighWatermarkMoves::Back => replicated.max(Offset::ZERO),
    }
}
