//! Headers of batches that are not what a sound producer writes.

use crate::protocol::ErrorCode;

/// Bits of a batch's attributes that name its codec. Source: Kafka documentation, "Record Batch".
const CODEC: u16 = 0b111;
/// The bit of a control batch.
const CONTROL: u16 = 1 << 5;
/// The largest codec there is: `zstd`.
const ZSTD: u16 = 4;
/// The magic of today's batches.
const MAGIC: i8 = 2;
/// From this version on a client may use `zstd` (KIP-110).
const KNOWS_ZSTD: i16 = 7;

/// What a producer sent as one partition's batch, where that is not plain from the body: an
/// odd header, a codec, or not exactly one batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentHeader {
    /// How many batches were sent for the partition; one is right.
    pub batches: u32,
    /// The format; 2 is right.
    pub magic: i8,
    /// The checksum is that of the bytes.
    pub checksum_matches: bool,
    /// The base offset; 0 is right.
    pub base_offset: i64,
    /// The number of records, as the header has it.
    pub count: i64,
    /// The delta of the last offset, as the header has it.
    pub last_offset_delta: i64,
    /// The attributes: codec in the low three bits, flags above.
    pub attributes: u16,
    /// The codec that the records are really in.
    pub codec: u16,
}

impl SentHeader {
    /// The header of a batch of `count` records as it should be.
    #[must_use]
    pub const fn right(count: u32, codec: u16) -> Self {
        Self {
            batches: 1,
            magic: MAGIC,
            checksum_matches: true,
            base_offset: 0,
            count: count as i64,
            last_offset_delta: count as i64 - 1,
            attributes: codec,
            codec,
        }
    }

    /// What a broker finds while it reads the request.
    ///
    /// # Errors
    /// Kafka's error for the partition.
    pub const fn check_request(&self, api_version: i16) -> Result<(), ErrorCode> {
        if self.batches == 0 {
            Err(ErrorCode::InvalidRecord)
        } else if self.magic > MAGIC || self.magic < 0 {
            Err(ErrorCode::CorruptMessage)
        } else if self.magic != MAGIC || self.batches > 1 {
            Err(ErrorCode::InvalidRecord)
        } else if self.attributes & CODEC == ZSTD && api_version < KNOWS_ZSTD {
            Err(ErrorCode::UnsupportedCompressionType)
        } else {
            Ok(())
        }
    }

    /// What a log finds before it takes the batch, except for a wrong checksum. `count` is the
    /// true number of records. What cannot be decompressed is not told from a fault of the broker.
    ///
    /// # Errors
    /// Kafka's error for the partition.
    pub const fn check_batch(&self, count: u32) -> Result<(), ErrorCode> {
        let last = count as i64 - 1;
        let contradicts = self.count != count as i64 || self.last_offset_delta != last;
        if self.base_offset != 0 || self.attributes & CONTROL != 0 {
            Err(ErrorCode::InvalidRecord)
        } else if self.attributes & CODEC != self.codec {
            Err(ErrorCode::UnknownServerError)
        } else if contradicts {
            Err(ErrorCode::InvalidRecord)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(change: impl Fn(&mut SentHeader)) -> SentHeader {
        let mut header = SentHeader::right(2, 0);
        change(&mut header);
        header
    }

    /// After the recording produce-invalid-batch.
    #[test]
    fn each_contradiction_has_its_error() {
        assert_eq!(odd(|_| {}).check_request(13).and(odd(|_| {}).check_batch(2)), Ok(()));
        for (header, error) in [
            (odd(|h| h.batches = 0), ErrorCode::InvalidRecord),
            (odd(|h| h.batches = 2), ErrorCode::InvalidRecord),
            (odd(|h| h.magic = 1), ErrorCode::InvalidRecord),
            (odd(|h| h.magic = 3), ErrorCode::CorruptMessage),
        ] {
            assert_eq!(header.check_request(13), Err(error), "{header:?}");
        }
        for (header, error) in [
            (odd(|h| h.count = 3), ErrorCode::InvalidRecord),
            (odd(|h| h.last_offset_delta = 0), ErrorCode::InvalidRecord),
            (odd(|h| h.base_offset = 7), ErrorCode::InvalidRecord),
            (odd(|h| h.attributes = 32), ErrorCode::InvalidRecord),
            (odd(|h| h.attributes = 7), ErrorCode::UnknownServerError),
            (odd(|h| h.attributes = 1), ErrorCode::UnknownServerError),
        ] {
            assert_eq!(header.check_request(13).and(header.check_batch(2)), Err(error));
        }
        // The producer may set the bit of `LogAppendTime`: the leader puts it right.
        assert_eq!(odd(|h| h.attributes = 8).check_batch(2), Ok(()));
        let zstd = SentHeader::right(1, 4);
        assert_eq!(zstd.check_request(6), Err(ErrorCode::UnsupportedCompressionType));
        assert_eq!(zstd.check_request(7), Ok(()));
    }
}
