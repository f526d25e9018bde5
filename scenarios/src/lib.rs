//! The scenario language of assize: what a scenario file may say, as typed data.
//!
//! The crate does no I/O and knows no broker code: text in, [`Scenario`] or [`Diagnostic`]s out.
//! A scenario is pure data with all units resolved: durations are `u64` nanoseconds, sizes `u64`
//! bytes, bandwidths `u64` bits or bytes per second, rates and probabilities integer ratios. No
//! floating point anywhere.
//!
//! In reading order: [`model`] (what a scenario is), `spec` (every key of the language), the
//! tree of a file with its bases and flags, the decoder table by table, the rules between
//! tables, the canonical rendering.

pub mod diagnostic;
pub mod kafka_keys;
pub mod model;
pub mod profiles;
pub mod reference;
mod spec;

mod assemble;
mod cross;
mod decode;
mod decoder;
mod origin;
mod render;
#[cfg(test)]
mod tests;
mod tree;
mod units;
mod values;
pub mod warning;

pub use assemble::{Loader, text_of};
pub use diagnostic::Diagnostic;
pub use model::Scenario;
pub use origin::{Origin, origins};
pub use tree::SIZE_MAX;

/// Words and values that the simulator knows and this crate does not: with them `[protocol]` and
/// Kafka's keys are checked in place. An empty list lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vocabulary<'a> {
    /// Rules with their values, as the broker model lists them.
    pub rules: &'a [(&'a str, &'a [&'a str])],
    /// Eras with the rules that each sets.
    pub eras: &'a [Era<'a>],
    /// Whether whoever reads a key of Kafka's takes a value that the catalogue lets pass.
    pub takes: Option<Takes>,
}

/// A named set of rules with their values.
pub type Era<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// Judges the value of a key; a refusal is a sentence without its beginning, "must be ...".
pub type Takes = fn(model::Scope, &str, &model::ConfigValue) -> Result<(), String>;

impl Scenario {
    /// Reads a scenario that builds on no other file.
    ///
    /// `overrides` are `--set` flags: a path like `service.order.producer.linger.ms` and a value
    /// as in a file, where the quotes of a text may be left out.
    ///
    /// # Errors
    /// Every error that can be found independently, in order of place.
    pub fn parse(text: &str, overrides: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        Self::load(text, overrides, &|_| Err("no files can be read from here".to_owned()))
    }

    /// Reads a scenario; `loader` gives the texts of the files that it builds on.
    ///
    /// # Errors
    /// Every error that can be found independently, in order of place.
    pub fn load(
        text: &str,
        overrides: &[(String, String)],
        loader: &Loader<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        Self::load_with(text, overrides, loader, &Vocabulary::default())
    }

    /// Like [`Self::load`], with the words of `[protocol]`.
    ///
    /// # Errors
    /// Every error that can be found independently, in order of place.
    pub fn load_with(
        text: &str,
        overrides: &[(String, String)],
        loader: &Loader<'_>,
        vocabulary: &Vocabulary<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut decoder = decoder::Decoder::default();
        decoder.takes = vocabulary.takes;
        let Some(root) = assemble::assemble(&mut decoder, text, overrides, loader) else {
            return Err(decoder.finish());
        };
        let scenario = decode::decode(&mut decoder, &root, vocabulary);
        if let Some(scenario) = &scenario {
            cross::check(&mut decoder, &root, scenario);
            // Of what is drawn the least values were looked at, now the greatest.
            let highest = scenario.settled(|_, _, high| high);
            if highest != *scenario && !decoder.has_errors() {
                cross::check(&mut decoder, &root, &highest);
            }
        }
        match scenario {
            Some(scenario) if !decoder.has_errors() => Ok(scenario),
            _ => Err(decoder.finish()),
        }
    }
}
