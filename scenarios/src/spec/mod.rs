//! Every key of the language: the source of the unknown-key check and of the reference.

mod pipeline;
mod trial;
mod world;

pub use pipeline::{ARRIVALS, LOAD, SERVICE};
pub use trial::{CHECK, EXACTLY_ONCE, EXPECT, FAULT, GATE, PROTOCOL, SEARCH, SWARM};
pub use world::{CLUSTER, HARDWARE, NETWORK, SCENARIO, TOP, TOPIC};

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub form: &'static str,
    /// Its default in words, or `required`.
    pub default: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A table of keys.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its name as in a header, like `topic.NAME`; empty for the top of the file.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

impl Section {
    /// Whether it has a key.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.key(name).is_some()
    }

    /// A key by name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|k| k.name == name)
    }
}

const fn key(
    name: &'static str,
    form: &'static str,
    default: &'static str,
    doc: &'static str,
) -> Key {
    Key { name, form, default, doc }
}

/// All sections in the order of the reference.
pub const SECTIONS: &[&Section] = &[
    &TOP,
    &SCENARIO,
    &CLUSTER,
    &HARDWARE,
    &NETWORK,
    &TOPIC,
    &SERVICE,
    &LOAD,
    &ARRIVALS,
    &FAULT,
    &SWARM,
    &SEARCH,
    &CHECK,
    &EXACTLY_ONCE,
    &GATE,
    &EXPECT,
    &PROTOCOL,
];

#[cfg(test)]
mod tests {
    use super::TOPIC;
    use crate::model::kafka::PARTITIONS_MAX;

    #[test]
    fn the_reference_names_the_bound_of_partitions() {
        let key = TOPIC.keys.iter().find(|key| key.name == "partitions").expect("a key");
        assert_eq!(key.form, format!("integer from 1 to {PARTITIONS_MAX}"));
    }
}
