//! How much a dialogue may ask for, so that a slip of a digit is an answer and no full memory.

use core::fmt::Display;

use super::DialogueErrorKind;

/// Partitions of a topic of a cluster: more than the 10,000 that a controller makes at once.
pub(super) const PARTITIONS_MAX: u64 = 20_000;
/// Partitions of all topics of which a client is told.
pub(super) const CLIENT_PARTITIONS_MAX: u64 = 1_000;
/// Brokers of which a client is told.
pub(super) const CLIENT_BROKERS_MAX: u64 = 100;
/// Records of all sends, or of all batches that are answered. Each send looks at the queue.
pub(super) const RECORDS_MAX: u64 = 10_000;
/// Offsets that brokers answer with: what a client adds to them has room above.
const OFFSET_MAX: u64 = 1 << 62;
/// Bytes of a record: a gibibyte, which no request of Kafka's can carry.
pub(super) const SIZE_MAX: u64 = 1 << 30;
/// Milliseconds of a `wait`: a day, which an idle cluster passes in a second.
pub(super) const WAIT_MAX: u64 = 86_400_000;
/// Turns of a `poll`, and times of a `repeat=`: producer epochs fit three times.
pub(super) const TIMES_MAX: u64 = 100_000;

/// Takes a count, named as the dialogue does, if it is not too large.
pub(super) fn at_most<N: Copy + Display + TryInto<u64>>(
    what: &'static str,
    count: N,
    most: u64,
) -> Result<N, DialogueErrorKind> {
    // What is too large or negative for 64 bits is no count either.
    if count.try_into().is_ok_and(|count| count <= most) {
        return Ok(count);
    }
    Err(DialogueErrorKind::TooMany { what, count: count.to_string(), most })
}

/// Takes an offset, which may be one of Kafka's negative ones.
pub(super) fn offset(number: i64) -> Result<i64, DialogueErrorKind> {
    if number < 0 { Ok(number) } else { at_most("records", number, OFFSET_MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_the_largest_that_is_taken() {
        assert_eq!(at_most("partitions", 20_000_u32, PARTITIONS_MAX), Ok(20_000));
        let error = at_most("partitions", 20_001_u32, PARTITIONS_MAX).expect_err("one more");
        assert_eq!(error.to_string(), "20001 partitions are more than the 20000 of a dialogue");
        assert!(at_most("partitions", -1_i64, PARTITIONS_MAX).is_err());
        assert_eq!(offset(-1), Ok(-1));
        assert!(offset(1 << 62).is_ok() && offset(i64::MAX).is_err());
    }
}
