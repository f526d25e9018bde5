//! Sizes of records and batches on the wire, message format v2.
//!
//! Source: Kafka documentation, "Message Format". A record is a variable-length length followed by
//! attributes, timestamp and offset deltas, key, value and headers; all lengths are zigzag varints.

use broker_model::records::BATCH_OVERHEAD_BYTES;

/// The most that length, attributes and deltas of a record can take (`MAX_RECORD_OVERHEAD`).
const RECORD_OVERHEAD_BOUND: u32 = 21;

/// Bytes of the headers section of a record without headers: a count of zero.
pub const NO_HEADERS: u32 = 1;

/// Bytes of a zigzag varint.
#[must_use]
#[inline]
pub const fn varint_bytes(value: i32) -> u32 {
    let zigzag = (value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned();
    seven_bit_groups(zigzag as u64)
}

/// Bytes of a zigzag varlong.
#[must_use]
#[inline]
pub const fn varlong_bytes(value: i64) -> u32 {
    seven_bit_groups((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned())
}

const fn seven_bit_groups(value: u64) -> u32 {
    (70 - (value | 1).leading_zeros()) / 7
}

/// Bytes of a nullable field: its length, -1 for null, and its content.
#[must_use]
#[inline]
pub const fn field_bytes(length: Option<u32>) -> u32 {
    match length {
        Some(n) => varint_bytes(n.cast_signed()) + n,
        None => varint_bytes(-1),
    }
}

/// Bytes of a headers section, from the lengths of keys and values.
#[must_use]
pub fn headers_bytes(headers: &[(u32, Option<u32>)]) -> u32 {
    let count = i32::try_from(headers.len()).expect("fewer than 2^31 headers");
    let each: u32 = headers.iter().map(|&(k, v)| field_bytes(Some(k)) + field_bytes(v)).sum();
    varint_bytes(count) + each
}

/// Bytes of a record, its own length included (`DefaultRecord.sizeInBytes`). `headers` are the
/// bytes of the headers section, [`NO_HEADERS`] without any.
#[must_use]
#[inline]
pub const fn record_bytes(
    offset_delta: u32,
    timestamp_delta: i64,
    key: Option<u32>,
    value: Option<u32>,
    headers: u32,
) -> u32 {
    let body = 1
        + varint_bytes(offset_delta.cast_signed())
        + varlong_bytes(timestamp_delta)
        + field_bytes(key)
        + field_bytes(value)
        + headers;
    varint_bytes(body.cast_signed()) + body
}

/// The most a record can take, whatever its deltas (`DefaultRecord.recordSizeUpperBound`).
#[must_use]
pub const fn record_bound(key: Option<u32>, value: Option<u32>, headers: u32) -> u32 {
    RECORD_OVERHEAD_BOUND + field_bytes(key) + field_bytes(value) + headers
}

/// The most a batch of this one record can take, uncompressed
/// (`AbstractRecords.estimateSizeInBytesUpperBound`).
#[must_use]
pub const fn batch_bound(key: Option<u32>, value: Option<u32>, headers: u32) -> u32 {
    BATCH_OVERHEAD_BYTES + record_bound(key, value, headers)
}

/// What the Java client assumes a batch of this uncompressed size takes
/// (`AbstractRecords.estimateSizeInBytes`): half when compressed, within 1 KiB and 64 KiB.
#[must_use]
pub fn estimated_batch_bytes(size: u32, compressed: bool) -> u32 {
    if compressed { (size / 2).clamp(1_024, 65_536) } else { size }
}

#[cfg(test)]
mod tests {
    use super::{NO_HEADERS, record_bytes, varint_bytes, varlong_bytes};

    #[test]
    fn varints_grow_every_seven_bits() {
        let sizes: Vec<u32> =
            [0, -1, 63, -64, 64, -65, 8_191, 8_192, i32::MAX].map(varint_bytes).to_vec();
        assert_eq!(sizes, [1, 1, 1, 1, 2, 2, 2, 3, 5]);
        assert_eq!(varlong_bytes(i64::MIN), 10);
    }

    #[test]
    fn a_null_key_takes_one_byte() {
        assert_eq!(record_bytes(0, 0, None, Some(100), NO_HEADERS), 109);
        assert_eq!(record_bytes(0, 0, Some(2), Some(100), NO_HEADERS), 111);
    }
}
