//! Lists and records as evidence tells them to people.

use std::fmt::{Debug, Display};

/// `[1, 2]`.
pub(super) fn listed<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// The name of a record's kind, `PartitionChange`.
pub(super) fn kind(record: &impl Debug) -> String {
    let words = format!("{record:?}");
    words.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use broker_model::note::Note;
    use broker_model::types::NodeId;

    use super::{kind, listed};

    #[test]
    fn evidence_is_in_words() {
        assert_eq!(listed([NodeId(3), NodeId(1)]), "[3, 1]");
        assert_eq!(listed::<NodeId>([]), "[]");
        assert_eq!(kind(&Note::BrokerFenced { node: NodeId(1) }), "BrokerFenced");
    }
}
