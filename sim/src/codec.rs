//! What codecs cost a processor.
//!
//! By codec only: what a record is like changes the ratio here, not the speed. The speeds are of
//! one core of a Core i5-4300U with the Silesia corpus (lzbench 1.7.1), at Kafka's default levels;
//! of `zstd` the table has level 2, not 3. docs/compression.md has the table.

use broker_model::records::Codec;
use broker_model::types::Duration;

/// Megabytes (10^6) before compression that a codec compresses and decompresses in a second.
const fn speed(codec: Codec) -> (u64, u64) {
    match codec {
        Codec::None => (u64::MAX, u64::MAX),
        Codec::Gzip => (20, 267),
        Codec::Snappy => (327, 1_075),
        Codec::Lz4 => (452, 2_244),
        Codec::Zstd => (185, 587),
    }
}

/// CPU time of compressing so many bytes.
#[must_use]
pub const fn compress_time(codec: Codec, bytes: u64) -> Duration {
    bytes * 1_000 / speed(codec).0
}

/// CPU time of making so many bytes of what a codec left of them.
#[must_use]
pub const fn decompress_time(codec: Codec, bytes: u64) -> Duration {
    bytes * 1_000 / speed(codec).1
}

#[cfg(test)]
mod tests {
    use broker_model::records::Codec;
    use broker_model::types::{MICROSECOND, SECOND};

    use super::{compress_time, decompress_time};

    #[test]
    fn a_second_of_gzip_is_twenty_megabytes() {
        assert_eq!(compress_time(Codec::Gzip, 20_000_000), SECOND);
        assert_eq!(decompress_time(Codec::Gzip, 267_000_000), SECOND);
        assert_eq!(
            (compress_time(Codec::None, 1 << 20), decompress_time(Codec::None, 1 << 20)),
            (0, 0)
        );
        assert!(compress_time(Codec::Lz4, 1_000) < 3 * MICROSECOND);
    }
}
