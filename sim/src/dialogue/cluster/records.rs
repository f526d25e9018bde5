//! Real keys and values of a dialogue's records, in side columns by record id.

use std::collections::BTreeMap;

use broker_model::records::{Codec, Packing, Payload, RecordSource};
use broker_model::types::{RecordId, Timestamp};

/// One record as the dialogue wrote it.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
    pub(super) timestamp: Timestamp,
}

impl Text {
    /// `k:v`, `v` (a null key), `~` for null.
    pub(super) fn parse(text: &str, timestamp: Timestamp) -> Self {
        let part = |text: &str| (text != "~").then(|| text.to_string());
        match text.split_once(':') {
            Some((key, value)) => Self { key: part(key), value: part(value), timestamp },
            None => Self { key: None, value: part(text), timestamp },
        }
    }

    /// What it is like for a codec: one letter again and again, or too short for anything.
    pub(super) fn payload(&self) -> Payload {
        let value = self.value.as_deref().unwrap_or_default().as_bytes();
        let repeats = value.len() > 16 && value.iter().all(|byte| *byte == value[0]);
        if repeats { Payload::Percent(10) } else { Payload::Random }
    }

    /// As replies show it.
    pub(super) fn shown(&self) -> String {
        let part = |text: &Option<String>| match text.as_deref() {
            None => "~".to_string(),
            Some("") => "\"\"".to_string(),
            Some(text) => text.to_string(),
        };
        let key = self.key.as_ref().map_or_else(String::new, |_| part(&self.key) + ":");
        key + &part(&self.value)
    }
}

/// All records of a dialogue by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    records: Vec<Text>,
    keys: BTreeMap<String, u64>,
}

impl Texts {
    pub(super) fn push(&mut self, text: Text) -> RecordId {
        if let Some(key) = &text.key {
            let next = self.keys.len() as u64;
            self.keys.entry(key.clone()).or_insert(next);
        }
        let id = u32::try_from(self.records.len()).expect("a dialogue is short");
        self.records.push(text);
        RecordId(id)
    }

    pub(super) fn get(&self, id: RecordId) -> &Text {
        &self.records[id.index()]
    }
}

impl RecordSource for Texts {
    fn timestamp(&self, record: RecordId) -> Timestamp {
        self.get(record).timestamp
    }

    fn key(&self, record: RecordId) -> Option<u64> {
        self.get(record).key.as_ref().map(|key| self.keys[key])
    }

    fn is_tombstone(&self, record: RecordId) -> bool {
        self.get(record).value.is_none()
    }

    fn payload(&self, record: RecordId) -> Payload {
        self.get(record).payload()
    }
}

/// What records take in a batch under a codec, header not counted. Source: Kafka documentation,
/// "Record Batch".
pub(super) fn packing(records: &[Text], codec: Codec) -> Packing {
    let base = records.first().map_or(0, |first| first.timestamp.0);
    let mut packing = Packing::default();
    for (i, record) in (0_i64..).zip(records) {
        let field = |text: &Option<String>| {
            text.as_ref().map_or(varint(-1), |t| varint(length(t)) + t.len())
        };
        let attributes_and_headers = 2;
        let body = attributes_and_headers
            + varint(record.timestamp.0.wrapping_sub(base))
            + varint(i)
            + field(&record.key)
            + field(&record.value);
        let bytes = body + varint(i64::try_from(body).expect("a dialogue's records are small"));
        let bytes = u32::try_from(bytes).expect("a dialogue's records are small");
        packing.add(bytes, record.payload(), codec);
    }
    packing
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).expect("a dialogue's texts are short")
}

/// Bytes of a zigzag varint.
fn varint(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let bits = 64 - zigzag.leading_zeros() as usize;
    bits.max(1).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use broker_model::records::BATCH_OVERHEAD_BYTES;

    use super::*;

    /// The oracle's README gives this size.
    #[test]
    fn a_batch_of_one_one_byte_value_takes_69_bytes() {
        let packing = packing(&[Text::parse("a", Timestamp(5))], Codec::None);
        assert_eq!(BATCH_OVERHEAD_BYTES + packing.bytes, 69);
    }

    #[test]
    fn texts_show_as_they_were_written() {
        for text in ["k:v", "v", "k:~", "~"] {
            assert_eq!(Text::parse(text, Timestamp(0)).shown(), text);
        }
    }
}
