//! A 64-bit digest of everything that was recorded, for "same run, same history".
//!
//! Not cryptographic: it is compared between runs of the same build and printed. Each word
//! is folded in by a 64x64 to 128 bit multiplication whose halves are joined, the mixing
//! step of the wyhash family.

const SEED: u64 = 0x6173_7369_7a65_0003;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A running digest of 64-bit words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest {
    state: u64,
    words: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { state: SEED, words: 0 }
    }
}

impl Digest {
    /// Folds one word in.
    #[inline]
    pub const fn word(&mut self, word: u64) {
        self.state = fold(self.state ^ word, FACTOR ^ self.words);
        self.words = self.words.wrapping_add(1);
    }

    /// Folds a row of record ids in, two to a word.
    #[inline]
    pub fn ids(&mut self, ids: impl ExactSizeIterator<Item = u32>) {
        self.word(ids.len() as u64);
        let mut ids = ids;
        while let Some(low) = ids.next() {
            let high = ids.next().unwrap_or(u32::MAX);
            self.word(u64::from(low) | (u64::from(high) << 32));
        }
    }

    /// Folds a name in.
    pub fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0_u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    /// The digest so far.
    #[must_use]
    pub const fn finish(&self) -> u64 {
        fold(self.state ^ self.words, SEED)
    }
}

/// Multiplies to 128 bits and joins the halves. Zero times anything is zero, so both sides
/// are offset by the caller's constants; a state that hits zero is nudged.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    let joined = (product as u64) ^ ((product >> 64) as u64);
    if joined == 0 { a ^ FACTOR } else { joined }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    fn of(words: &[u64]) -> u64 {
        let mut digest = Digest::default();
        for &word in words {
            digest.word(word);
        }
        digest.finish()
    }

    #[test]
    fn order_length_and_each_bit_count() {
        assert_eq!(of(&[1, 2]), of(&[1, 2]));
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[0]), of(&[0, 0]));
        let base = of(&[7, 0, 9]);
        for bit in 0..64 {
            assert_ne!(base, of(&[7, 1 << bit, 9]), "bit {bit}");
        }
    }

    #[test]
    fn rows_of_ids_are_told_apart() {
        let row = |ids: &[u32]| {
            let mut digest = Digest::default();
            digest.ids(ids.iter().copied());
            digest.finish()
        };
        assert_ne!(row(&[1, 2, 3]), row(&[1, 3, 2]));
        assert_ne!(row(&[1]), row(&[1, u32::MAX]), "the length is part of the row");
        assert_eq!(row(&[]), row(&[]));
    }

    #[test]
    fn digests_are_frozen() {
        assert_eq!(of(&[1, 2, 3]), 0x3fe4_b140_e4e4_cb7f, "a changed digest breaks replay tokens");
    }
}
