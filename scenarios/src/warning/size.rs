//! Warnings about sizes of records and batches.

use super::{Warning, named, plural};
use crate::model::Scenario;
use crate::model::kafka::AROUND_RECORD_BYTES;
use crate::model::quantity::Distribution;
use crate::model::service::Service;

/// Full batches are refused, and split into what they were.
pub(super) fn batch_above_max_message(scenario: &Scenario) -> Option<Warning> {
    let largest = |name: &str| {
        let topic = scenario.topic(name).map(|index| &scenario.topics[index].config);
        let own = topic.and_then(|config| config.get_int("max.message.bytes"));
        own.unwrap_or_else(|| scenario.cluster.config.int("message.max.bytes"))
    };
    let batch = |s: &Service| s.producer.int_most("batch.size");
    let refusing = |s: &Service| s.writes().find(|topic| batch(s) > largest(topic)).cloned();
    let with_topic = |s| refusing(s).map(|topic| (s, topic));
    let found: Vec<(&Service, String)> = scenario.services.iter().filter_map(with_topic).collect();
    let (first, output) = found.first()?;
    let names: Vec<&str> = found.iter().map(|(s, _)| s.name.as_str()).collect();
    Some(Warning {
        name: "batch-above-max-message",
        text: format!(
            "{} {}: batch.size = {} is above what `{output}` takes, max.message.bytes = {}: a \
             batch that fills up is refused with MESSAGE_TOO_LARGE and split by batch.size, which \
             makes the same batch of it, at once and again and again",
            plural("service", "services", &names),
            named(&names),
            batch(first),
            largest(output),
        ),
        source: "KAFKA-8350",
        path: format!("service.{}.producer.\"batch.size\"", first.name),
    })
}

/// The largest value of a distribution, as runs draw it: one of 4096 equally likely ones.
fn largest(distribution: Distribution) -> u64 {
    match distribution {
        Distribution::Constant(value) => value,
        Distribution::PerSeed(drawn) => drawn.high,
        Distribution::Uniform { high, .. } => high,
        // The logarithm of 2 * 4096.
        Distribution::Exponential { mean } => mean.saturating_mul(9_011) / 1_000,
        Distribution::Lognormal { mean, sigma_millionths } => {
            // The quantile of the normal distribution at 1 - 1 / (2 * 4096).
            let sigma = sigma_millionths as f64 / 1e6;
            (mean as f64 * (3.666 * sigma - sigma * sigma / 2.0).exp()) as u64
        }
    }
}

/// Bytes of the largest record of each service, 0 where it sends none: of its loads, of
/// `output_size`, or of what comes in.
fn largest_records(scenario: &Scenario) -> Vec<u64> {
    let of_loads = |service: &Service| {
        let loads = scenario.loads.iter().filter(|load| load.into == service.name);
        loads.map(|load| largest(load.size)).max().unwrap_or(0)
    };
    let mut sizes: Vec<u64> = scenario.services.iter().map(of_loads).collect();
    // Sizes go from service to service; a chain is no longer than there are services.
    for _ in 0..sizes.len() {
        for (place, service) in scenario.services.iter().enumerate() {
            let comes_in = |(sender, _): &(&Service, &u64)| sender.feeds(service);
            let senders = scenario.services.iter().zip(&sizes).filter(comes_in);
            let input = senders.map(|(_, size)| *size).max().unwrap_or(0);
            let output = service.output_size.unwrap_or(input);
            sizes[place] = sizes[place].max(if input > 0 { output } else { 0 });
        }
    }
    sizes
}

/// Bytes of a varint that holds a length.
const fn varint(length: u64) -> u64 {
    (70 - ((length << 1) | 1).leading_zeros() as u64) / 7
}

/// Records that their own producer refuses.
pub(super) fn record_above_max_request(scenario: &Scenario) -> Option<Warning> {
    // What is set holds the least of what can be drawn.
    let bound = |s: &Service| {
        let keys = ["max.request.size", "buffer.memory"].map(|key| (s.producer.int(key), key));
        keys.into_iter().min().expect("two keys")
    };
    let sizes = largest_records(scenario);
    let services =
        scenario.services.iter().zip(&sizes).filter(|(s, _)| s.writes().next().is_some());
    let whole = |size: u64| size + varint(size) + AROUND_RECORD_BYTES;
    let above = |(s, size): &(&Service, &u64)| {
        **size > 0 && i64::try_from(whole(**size)).is_ok_and(|whole| whole > bound(s).0)
    };
    let found: Vec<(&Service, &u64)> = services.filter(above).collect();
    let (first, size) = found.first()?;
    let names: Vec<&str> = found.iter().map(|(s, _)| s.name.as_str()).collect();
    let (allowed, key) = bound(first);
    Some(Warning {
        name: "record-above-max-request",
        text: format!(
            "{} {}: a record of {size} bytes with what goes around it is above {key} = {allowed}: \
             the producer refuses it with RecordTooLargeException, and no broker hears of it",
            plural("service", "services", &names),
            named(&names),
        ),
        source: "Kafka documentation, producer configs: max.request.size, buffer.memory",
        path: format!("service.{}.producer.{key:?}", first.name),
    })
}
