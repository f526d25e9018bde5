//! Configurations that Kafka accepts and that hurt. They never decide a verdict or an exit code.

mod broker;
mod client;
mod fault;
mod quorum;
mod size;

use crate::model::Scenario;
use crate::model::quantity::Distribution;

/// Something that Kafka accepts and a reader of the scenario should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Its name, a contract with scripts.
    pub name: &'static str,
    /// What is so, and what comes of it.
    pub text: String,
    /// Where Kafka says so: a KIP or a chapter of its documentation.
    pub source: &'static str,
    /// The value to look at, as a path of the scenario; what is not set has none in the file.
    pub path: String,
}

/// All warnings of a scenario, each name once, in a fixed order. Of what is drawn per seed they take
/// the end that hurts.
#[must_use]
pub fn warnings(scenario: &Scenario) -> Vec<Warning> {
    let found = [
        broker::internal_topic_factor(scenario),
        broker::flush_by_messages(scenario),
        broker::flush_without_scheduler(scenario),
        broker::min_isr_is_factor(scenario),
        broker::min_isr_above_factor(scenario),
        broker::unclean_with_transactions(scenario),
        broker::heartbeat_near_session(scenario),
        quorum::even_quorum(scenario),
        quorum::fetch_timeout_near_wait(scenario),
        client::keyless_into_compacted(scenario),
        client::acknowledged_by_one(scenario),
        size::batch_above_max_message(scenario),
        size::record_above_max_request(scenario),
        client::poll_interval(scenario),
        client::protocol_not_served(scenario),
        fault::reassignment_permutes(scenario),
    ];
    found.into_iter().flatten().collect()
}

/// `a`, `b` and `c`.
fn named(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `topic` or `topics`.
fn plural<'a>(one: &'a str, many: &'a str, names: &[&str]) -> &'a str {
    if names.len() == 1 { one } else { many }
}

/// What a distribution has in the middle; of what is drawn once per seed the greatest, since a
/// configuration that hurts under some seeds hurts.
fn mean(distribution: Distribution) -> u64 {
    match distribution {
        Distribution::Constant(value) => value,
        Distribution::PerSeed(drawn) => drawn.high,
        Distribution::Lognormal { mean, .. } | Distribution::Exponential { mean } => mean,
        Distribution::Uniform { low, high } => low.midpoint(high),
    }
}

#[cfg(test)]
mod tests;
