//! How well the records of a topic compress, as a producer has seen (`CompressionRatioEstimator`).

const MILLION: u32 = 1_000_000;
/// The most that an estimate gets better by one batch.
const IMPROVING_STEP: u32 = 5_000;
/// The least that it gets worse by one batch.
const DETERIORATING_STEP: u32 = 50_000;

/// What compression is expected to leave of a byte, in millionths. Records are expected not to
/// compress until batches tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RatioEstimate(u32);

impl Default for RatioEstimate {
    fn default() -> Self {
        Self(MILLION)
    }
}

/// What was left of a byte of a batch, in millionths.
pub(super) fn ratio(bytes: u32, compressed: u32) -> u32 {
    let ratio = u64::from(compressed) * u64::from(MILLION) / u64::from(bytes.max(1));
    u32::try_from(ratio).unwrap_or(u32::MAX)
}

impl RatioEstimate {
    /// An estimate from outside.
    pub(super) const fn of(millionths: u32) -> Self {
        Self(millionths)
    }

    /// A batch goes out, perhaps again: worse is believed at once, better little by little.
    pub(super) fn observe(&mut self, ratio: u32) {
        if ratio > self.0 {
            self.0 = ratio.max(self.0.saturating_add(DETERIORATING_STEP));
        } else if ratio < self.0 {
            self.0 = ratio.max(self.0.saturating_sub(IMPROVING_STEP));
        }
    }

    /// A batch of this ratio was too large: at least nothing is expected of compression any more.
    pub(super) fn give_up(&mut self, ratio: u32) {
        self.0 = ratio.max(MILLION);
    }

    /// What so many bytes are expected to take, with the Java client's safety factor of 1.05.
    #[inline]
    pub(super) fn expect(self, bytes: u32) -> u32 {
        let hundredths = u64::from(bytes) * u64::from(self.0) * 105;
        u32::try_from(hundredths / (100 * u64::from(MILLION))).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{RatioEstimate, ratio};

    #[test]
    fn worse_is_believed_at_once_and_better_in_steps() {
        let mut estimate = RatioEstimate::default();
        assert_eq!(estimate.expect(1_000), 1_050);
        for _ in 0..3 {
            estimate.observe(300_000);
        }
        assert_eq!(estimate, RatioEstimate::of(985_000));
        estimate.observe(986_000);
        assert_eq!(estimate, RatioEstimate::of(1_035_000), "at least by a step");
        estimate.observe(2_000_000);
        assert_eq!(estimate, RatioEstimate::of(2_000_000));
        estimate.give_up(ratio(1_000, 400));
        assert_eq!(estimate, RatioEstimate::default());
    }
}
