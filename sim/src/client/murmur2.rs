//! The hash of Kafka's default partitioner.
//!
//! Murmur2 is Austin Appleby's public-domain hash; Kafka fixes its seed at `0x9747b28c` and
//! reads the key as little-endian words.

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// `Utils.murmur2` of a serialized key.
#[must_use]
#[inline]
pub fn murmur2(key: &[u8]) -> i32 {
    let length = u32::try_from(key.len()).expect("keys are shorter than 4 GiB");
    let words = key.chunks_exact(4);
    let tail = words.remainder();
    let mut hash = SEED ^ length;
    for word in words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        k = k.wrapping_mul(MULTIPLIER);
        k = (k ^ (k >> 24)).wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ k;
    }
    if !tail.is_empty() {
        for (i, &byte) in tail.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * i);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    (hash ^ (hash >> 15)).cast_signed()
}

/// Which of `partitions` a hash falls on: `Utils.toPositive(hash) % partitions`.
#[must_use]
#[inline]
pub const fn partition_for(hash: i32, partitions: u32) -> u32 {
    (hash.cast_unsigned() & 0x7fff_ffff) % partitions
}

/// [`partition_for`] for one number of partitions, by two multiplications instead of a division.
///
/// Source: Lemire, Kaser and Kurz, "Faster Remainder by Direct Computation" (2019); exact for
/// every hash and every number of partitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spread {
    partitions: u32,
    reciprocal: u64,
}

impl Spread {
    /// Over so many partitions, at least one.
    #[must_use]
    pub const fn over(partitions: u32) -> Self {
        Self { partitions, reciprocal: (u64::MAX / partitions as u64).wrapping_add(1) }
    }

    /// Which of the partitions a hash falls on.
    #[must_use]
    #[inline]
    pub const fn partition_for(self, hash: i32) -> u32 {
        let positive = (hash.cast_unsigned() & 0x7fff_ffff) as u64;
        let fraction = self.reciprocal.wrapping_mul(positive);
        ((fraction as u128 * self.partitions as u128) >> 64) as u32
    }
}

/// The bytes of a record's key: the decimal text of its key number, as a string serializer would
/// write it. Lives on the stack.
#[derive(Clone, Copy, Debug)]
pub struct KeyText {
    digits: [u8; 10],
    from: usize,
}

impl KeyText {
    /// The text of a key number.
    #[must_use]
    #[inline]
    pub fn new(key: u32) -> Self {
        let mut digits = [b'0'; 10];
        let mut rest = key;
        let mut from = digits.len();
        loop {
            from -= 1;
            digits[from] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return Self { digits, from };
            }
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.from..]
    }
}

/// How many bytes [`KeyText`] has for a key number.
#[must_use]
#[inline]
pub const fn key_bytes(key: u32) -> u32 {
    match key.checked_ilog10() {
        Some(log) => log + 1,
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{KeyText, Spread, key_bytes, murmur2, partition_for};

    proptest! {
        #[test]
        fn a_spread_agrees_with_division(hash in any::<i32>(), partitions in 1_u32..20_000) {
            let spread = Spread::over(partitions);
            prop_assert_eq!(spread.partition_for(hash), partition_for(hash, partitions));
            let edge = (partitions - 1).cast_signed();
            prop_assert_eq!(spread.partition_for(edge), partition_for(edge, partitions));
        }
    }

    #[test]
    fn key_numbers_are_decimal_text() {
        for key in [0, 7, 10, 99, 100, 4_294_967_294] {
            assert_eq!(KeyText::new(key).as_bytes(), key.to_string().as_bytes());
            assert_eq!(key_bytes(key) as usize, key.to_string().len());
        }
    }

    #[test]
    fn places_keys_as_kafka_does() {
        assert_eq!(murmur2(b"21"), -973_932_308);
        assert_eq!(murmur2(&[]), 275_646_681);
        let places: Vec<u32> =
            [b"k1", b"k2", b"k3"].into_iter().map(|key| partition_for(murmur2(key), 3)).collect();
        assert_eq!(places, [2, 0, 1]);
    }
}
