//! How member ids are written in a dialogue.

use std::collections::BTreeMap;

use broker_model::types::MemberId;

/// Coordinators number theirs from below.
const LITERALS: u64 = 1 << 63;

/// Ids that a dialogue makes up, and with what Kafka's generated ids begin.
#[derive(Clone, Debug, Default)]
pub(super) struct MemberNames {
    literals: Vec<String>,
    begins: BTreeMap<MemberId, String>,
}

impl MemberNames {
    /// The id of a text that a dialogue gives as a member id.
    pub(super) fn literal(&mut self, text: &str) -> MemberId {
        let known = self.literals.iter().position(|l| l == text);
        let index = known.unwrap_or_else(|| {
            self.literals.push(text.to_string());
            self.literals.len() - 1
        });
        MemberId(LITERALS + index as u64)
    }

    /// The text of such an id.
    pub(super) fn name(&self, id: MemberId) -> Option<&str> {
        let index = usize::try_from(id.0.checked_sub(LITERALS)?).ok()?;
        self.literals.get(index).map(String::as_str)
    }

    /// A coordinator has given out this id to a client, or for an instance, of that name.
    pub(super) fn note(&mut self, id: MemberId, begins: &str) {
        self.begins.entry(id).or_insert_with(|| begins.to_string());
    }

    /// The order of members in replies: that of Kafka's ids.
    pub(super) fn order(&self, id: MemberId, instance: Option<&str>) -> (String, MemberId) {
        let begins = self.name(id).or_else(|| self.begins.get(&id).map(String::as_str));
        (begins.or(instance).unwrap_or("").to_string(), id)
    }
}
