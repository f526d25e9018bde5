//! Warnings about the controllers' quorum.

use super::{Warning, mean};
use crate::model::Scenario;
use crate::model::kafka::METADATA_FETCH_WAIT_MS as WAIT;

/// What a follower needs besides for its work.
const MARGIN: u64 = 100;

/// As many controllers as would do with one less.
pub(super) fn even_quorum(scenario: &Scenario) -> Option<Warning> {
    let controllers = scenario.cluster.controllers;
    if controllers % 2 == 1 {
        return None;
    }
    Some(Warning {
        name: "even-quorum",
        text: format!(
            "{controllers} controllers need {} for a majority, so {}: an odd number is cheaper and \
             no less safe",
            controllers / 2 + 1,
            match controllers {
                2 => "the loss of one of them ends every decision, as with one alone".to_owned(),
                _ => format!(
                    "they bear the loss of {}, as {} do",
                    controllers / 2 - 1,
                    controllers - 1
                ),
            }
        ),
        source: "Kafka documentation, KRaft: deploying considerations",
        path: "cluster.controllers".to_owned(),
    })
}

/// Followers of the quorum that hear of their leader too late.
pub(super) fn fetch_timeout_near_wait(scenario: &Scenario) -> Option<Warning> {
    let key = "controller.quorum.fetch.timeout.ms";
    let timeout = u64::try_from(scenario.cluster.config.int(key)).unwrap_or(0);
    let network = &scenario.network;
    let latency = mean(network.cross_rack).max(mean(network.same_rack));
    let round_trip = 2 * latency.saturating_add(mean(network.jitter)) / 1_000_000;
    if scenario.cluster.controllers == 1 || timeout >= WAIT + MARGIN + round_trip {
        return None;
    }
    Some(Warning {
        name: "quorum-fetch-timeout-near-wait",
        text: format!(
            "`{key}` is {timeout}, and a fetch of the metadata log without news is answered after \
             {WAIT} ms and a round trip: followers of a quiet quorum take their leader for dead, \
             and elect again and again"
        ),
        source: "Kafka, KafkaRaftClient: MAX_FETCH_WAIT_MS; KIP-595",
        path: format!("cluster.config.{key:?}"),
    })
}
