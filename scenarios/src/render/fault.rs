//! Faults, and what makes a seed draw them.

use super::Text;
use super::words::{self, bytes_per_second, drawn};
use crate::model::Scenario;
use crate::model::fault::{Fault, FaultKind, Trigger};
use crate::units::{write_duration, write_ratio};

pub(super) fn fault(out: &mut Text, fault: &Fault) {
    out.header("[fault]");
    out.text("name", &fault.name);
    out.text("kind", fault.kind.name());
    match fault.kind {
        FaultKind::Partition { cut } => out.text("cut", cut.name()),
        FaultKind::DiskFailure { directory: Some(place) } => out.line("directory", place),
        FaultKind::SlowDisk { factor } => out.line("factor", write_ratio(factor)),
        FaultKind::SlowLink { latency, factor } => {
            out.text("latency", &drawn(latency));
            out.line("factor", write_ratio(factor));
        }
        FaultKind::Delay { message, to, latency } => {
            if let Some(message) = message {
                out.text("message", &message.name());
            }
            if let Some(to) = to {
                out.text("to", &format!("broker:{to}"));
            }
            out.text("latency", &drawn(latency));
        }
        FaultKind::LeaderMove { to: Some(to) } => out.text("to", &format!("broker:{to}")),
        FaultKind::AbortHanging { max_transaction_timeout } => {
            out.text("max_transaction_timeout", &write_duration(max_transaction_timeout));
        }
        FaultKind::Reassign { replicas, throttle } => {
            if let Some(list) = replicas {
                let brokers = list.brokers().iter().map(|broker| format!("broker:{broker}"));
                out.line("replicas", words::list(&brokers.collect::<Vec<_>>()));
            }
            if let Some(throttle) = throttle {
                out.text("throttle", &bytes_per_second(throttle));
            }
        }
        FaultKind::ConnectionLoss { probability } => {
            out.line("probability", write_ratio(probability));
        }
        _ => {}
    }
    out.text("target", &fault.target.to_string());
    match &fault.trigger {
        Trigger::At(at) => out.text("at", &drawn(*at)),
        Trigger::On { event, nth, after } => {
            out.text("on", &format!("{event}#{nth}"));
            out.text("after", &drawn(*after));
        }
    }
    if let Some(duration) = fault.duration {
        out.text("for", &drawn(duration));
    }
    out.line("chance", write_ratio(fault.chance));
    if let Some(draws) = fault.draws {
        out.line("draws", draws);
    }
}

/// `[swarm]` and `[search]`.
pub(super) fn drawing(out: &mut Text, scenario: &Scenario) {
    out.header("swarm");
    out.line("enabled", scenario.swarm.enabled);
    out.line("keep", write_ratio(scenario.swarm.keep));
    if let Some(search) = &scenario.search {
        out.header("search");
        out.text("faults", &format!("{}..{}", search.faults.low, search.faults.high));
        out.line("at_events", write_ratio(search.at_events));
        out.line("keep", write_ratio(search.keep));
        out.line("beyond_spec", search.beyond_spec);
        if !search.mutations.is_empty() {
            let numbers: Vec<String> = search.mutations.iter().map(u64::to_string).collect();
            out.line("mutations", format!("[{}]", numbers.join(", ")));
        }
    }
}
