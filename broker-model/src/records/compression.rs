//! Codecs, what they make of payloads, and which batches are in which.
//!
//! There are no bytes here: a record says what kind of content it has, and a codec has a ratio for
//! it. The ratios are of public measurements, see docs/compression.md.

use alloc::vec::Vec;

use super::{BATCH_OVERHEAD_BYTES, Batches, RecordSource};
use crate::types::BatchId;

const MILLION: u32 = 1_000_000;

/// `compression.type` of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Codec {
    /// Not compressed.
    #[default]
    None,
    /// `gzip`, level 6.
    Gzip,
    /// `snappy`.
    Snappy,
    /// `lz4`, the fast compressor.
    Lz4,
    /// `zstd`, level 3.
    Zstd,
}

impl Codec {
    /// All of them, in the order of their numbers in a batch's attributes. Source: Kafka
    /// documentation, "Record Batch".
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// Its name as a value of `compression.type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The codec of a name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// What its format takes beside the content, for so many bytes of content and of what is made
    /// of it. Sources: RFC 1952 and 1951, the frame formats of snappy-java, LZ4 and RFC 8878, with
    /// the block sizes of Kafka.
    const fn frame_bytes(self, content: u32, compressed: u32) -> u32 {
        match self {
            Self::None => 0,
            Self::Gzip => 18 + 5 * compressed.div_ceil(65_535),
            Self::Snappy => 16 + 7 * content.div_ceil(32_768),
            Self::Lz4 => 11 + 4 * content.div_ceil(65_536),
            Self::Zstd => 6 + 3 * content.div_ceil(131_072),
        }
    }
}

/// What a record's content is like, for codecs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Payload {
    /// Nothing is said: codecs leave it as it is, and cost nothing.
    #[default]
    Unknown,
    /// Encrypted or compressed before: codecs make nothing of it.
    Random,
    /// JSON documents.
    Json,
    /// Log lines of HTTP requests.
    Logs,
    /// Text, markup, tables and binaries together.
    Mixed,
    /// A byte becomes so many hundredths of one under every codec, from 1 to 100.
    Percent(u8),
}

impl Payload {
    /// What a codec makes of a byte, in millionths.
    #[must_use]
    pub const fn ratio(self, codec: Codec) -> u32 {
        // gzip, snappy, lz4, zstd; sources in docs/compression.md.
        let ratios = match (self, codec) {
            (_, Codec::None) | (Self::Unknown | Self::Random, _) => return MILLION,
            (Self::Percent(percent), _) => return percent as u32 * (MILLION / 100),
            (Self::Json, _) => [250_000, 320_000, 350_000, 280_000],
            (Self::Logs, _) => [279_330, 425_532, 552_486, 222_222],
            (Self::Mixed, _) => [321_900, 481_900, 476_000, 331_000],
        };
        ratios[codec as usize - 1]
    }
}

/// What the records of a batch take under one codec, added up record by record.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Packing {
    /// Bytes before compression.
    pub bytes: u32,
    /// Millionths of bytes behind it, frames not counted.
    compressed: u64,
    /// Something is said of some of it.
    known: bool,
}

impl Packing {
    /// Adds the bytes of a record.
    #[inline]
    pub fn add(&mut self, bytes: u32, payload: Payload, codec: Codec) {
        self.bytes += bytes;
        self.compressed += u64::from(bytes) * u64::from(payload.ratio(codec));
        self.known |= !matches!(payload, Payload::Unknown);
    }

    /// Whether a codec has anything to do with it.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// Bytes behind compression, frames included.
    #[must_use]
    pub fn compressed(&self, codec: Codec) -> u32 {
        if !self.known || codec == Codec::None {
            return self.bytes;
        }
        let bytes = u32::try_from(self.compressed.div_ceil(u64::from(MILLION))).unwrap_or(u32::MAX);
        bytes.saturating_add(codec.frame_bytes(self.bytes, bytes))
    }
}

/// A compressed batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compression {
    /// What it is in.
    pub codec: Codec,
    /// Bytes of its records before compression.
    pub content: u32,
}

impl Batches {
    /// Says how the newest batch, of this content, was compressed, if it was.
    pub fn note_compression(&mut self, id: BatchId, codec: Codec, packing: &Packing) {
        if codec != Codec::None && packing.is_known() {
            self.set_compression(id, Compression { codec, content: packing.bytes });
        }
    }

    pub(super) fn set_compression(&mut self, id: BatchId, compression: Compression) {
        assert!(self.compressed.last().is_none_or(|last| last.0 < id), "batches are told in order");
        self.compressed.push((id, compression));
    }

    /// How a batch is compressed, `None` if it is not.
    #[must_use]
    #[inline]
    pub fn compression(&self, id: BatchId) -> Option<Compression> {
        if self.compressed.is_empty() {
            return None;
        }
        let at = self.compressed.binary_search_by_key(&id, |one| one.0).ok()?;
        Some(self.compressed[at].1)
    }

    /// A body that was made of another is compressed as that one.
    pub(super) fn compressed_as(&mut self, id: BatchId, model: BatchId) {
        if let Some(compression) = self.compression(model) {
            self.set_compression(id, compression);
        }
    }

    /// What a client's batch takes under a codec, its bytes spread evenly over its records.
    #[must_use]
    pub fn packing(&self, id: BatchId, codec: Codec, records: &dyn RecordSource) -> Packing {
        let bytes = match self.compression(id) {
            Some(compression) => compression.content,
            None => self.get(id).bytes - BATCH_OVERHEAD_BYTES,
        };
        let ids = self.records(id);
        let count = u32::try_from(ids.len()).expect("an arena holds fewer than 2^32 entries");
        let mut packing = Packing::default();
        for (place, &record) in (0..).zip(ids) {
            let share = bytes / count + u32::from(place < bytes % count);
            packing.add(share, records.payload(record), codec);
        }
        packing
    }

    /// The same records in another codec, as a leader writes them whose topic wants that
    /// (`LogValidator`). Records of which nothing is known stay as they are.
    pub fn recompressed(
        &mut self,
        id: BatchId,
        codec: Codec,
        records: &dyn RecordSource,
    ) -> BatchId {
        let is = self.compression(id).map_or(Codec::None, |compression| compression.codec);
        if is == codec {
            return id;
        }
        let packing = self.packing(id, codec, records);
        if !packing.is_known() {
            return id;
        }
        let body = *self.get(id);
        let new = self.push_existing(super::Batch {
            bytes: BATCH_OVERHEAD_BYTES + packing.compressed(codec),
            ..body
        });
        self.note_compression(new, codec, &packing);
        new
    }
}

/// Compressed batches in order of id.
pub(super) type Compressed = Vec<(BatchId, Compression)>;

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::NewBatch;
    use super::*;
    use crate::types::{RecordId, Timestamp};

    struct Kinds(Vec<Payload>);

    impl RecordSource for Kinds {
        fn timestamp(&self, _: RecordId) -> Timestamp {
            Timestamp(9)
        }
        fn key(&self, _: RecordId) -> Option<u64> {
            None
        }
        fn is_tombstone(&self, _: RecordId) -> bool {
            false
        }
        fn payload(&self, record: RecordId) -> Payload {
            self.0[record.index()]
        }
    }

    #[test]
    fn what_cannot_be_compressed_grows_by_its_frame() {
        let mut packing = Packing::default();
        packing.add(6_054, Payload::Random, Codec::Gzip);
        // As recorded in message-too-large-split: 6,138 bytes with the header of the batch.
        assert_eq!(BATCH_OVERHEAD_BYTES + packing.compressed(Codec::Gzip), 6_138);
        let mut unknown = Packing::default();
        unknown.add(6_054, Payload::Unknown, Codec::Gzip);
        assert_eq!((unknown.compressed(Codec::Gzip), unknown.is_known()), (6_054, false));
    }

    #[test]
    fn every_codec_makes_less_of_what_has_structure() {
        for codec in Codec::ALL.into_iter().skip(1) {
            for payload in [Payload::Json, Payload::Logs, Payload::Mixed, Payload::Percent(30)] {
                let mut packing = Packing::default();
                packing.add(100_000, payload, codec);
                let bytes = packing.compressed(codec);
                assert!((20_000..56_000).contains(&bytes), "{codec:?} {payload:?}: {bytes}");
            }
            assert_eq!(Codec::named(codec.name()), Some(codec));
        }
        assert_eq!(Payload::Json.ratio(Codec::None), MILLION);
    }

    #[test]
    fn a_leader_writes_the_codec_of_its_topic() {
        let mut batches = Batches::new();
        let kinds = Kinds(vec![Payload::Percent(50), Payload::Random, Payload::Unknown]);
        let ids: Vec<RecordId> = (0..2).map(RecordId).collect();
        let plain = batches.push_records(NewBatch::plain(1_061, Timestamp(9)), &ids);
        let packed = batches.recompressed(plain, Codec::Lz4, &kinds);
        assert_eq!(batches.get(packed).bytes, 61 + 750 + 15);
        assert_eq!(batches.records(packed), &ids);
        let compression = Compression { codec: Codec::Lz4, content: 1_000 };
        assert_eq!(batches.compression(packed), Some(compression));
        assert_eq!(batches.recompressed(packed, Codec::Lz4, &kinds), packed, "it is in it");
        let again = batches.recompressed(packed, Codec::None, &kinds);
        assert_eq!((batches.get(again).bytes, batches.compression(again)), (1_061, None));
        let silent = batches.push_records(NewBatch::plain(99, Timestamp(9)), &[RecordId(2)]);
        assert_eq!(batches.recompressed(silent, Codec::Lz4, &kinds), silent);
    }

    #[test]
    fn a_body_made_of_another_is_compressed_alike() {
        let mut batches = Batches::new();
        let ids: Vec<RecordId> = (0..2).map(RecordId).collect();
        let new = NewBatch::plain(561, Timestamp(9));
        let sent = batches.push_records(new, &ids);
        let compression = Compression { codec: Codec::Zstd, content: 2_000 };
        batches.set_compression(sent, compression);
        let stamped = batches.restamp(sent, new);
        let spoiled = batches.push_spoiled(stamped);
        assert_eq!(batches.compression(stamped), Some(compression));
        assert_eq!(batches.compression(spoiled), Some(compression));
        let cleaned = batches.push_cleaned(
            sent,
            core::iter::once(0..1).collect(),
            Timestamp::NONE,
            Timestamp(9),
        );
        let half = Compression { content: 1_000, ..compression };
        assert_eq!(batches.compression(cleaned), Some(half));
    }
}
