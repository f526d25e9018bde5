//! Faults as they strike and end.

use reports::story::MomentKind;
use reports::summary::FaultEnd;
use scenarios::model::{Cut, FaultKind};

use super::stage::{Stage, Weight, and, span};
use crate::world::FaultRecord;

impl Stage<'_> {
    /// A fault strikes.
    pub(super) fn fault_begins(&mut self, record: &FaultRecord) {
        if !record.struck {
            return;
        }
        let what = self.fault_in_words(record);
        self.say(MomentKind::Fault, Weight::Loud, format!("FAULT: {what}."));
    }

    /// A fault ends.
    pub(super) fn fault_ends(&mut self, record: &FaultRecord) {
        let told = record.until.is_some_and(|until| until > record.at);
        if !record.struck || !told || record.end == Some(FaultEnd::Done) {
            return;
        }
        let who = &record.resolved;
        let planned = &self.world.plan().faults[record.number].fault;
        let what = match planned.kind {
            FaultKind::Partition { .. } => format!("the cut around {who} is mended"),
            FaultKind::BrokerPause | FaultKind::ServicePause => format!("{who} goes on"),
            FaultKind::Delay { message, .. } => {
                let kind = message.map_or(String::new(), |kind| api_name(&kind.name()) + " ");
                format!("{kind}messages of {who} take no longer than usual again")
            }
            FaultKind::SlowDisk { .. } => format!("the disk of {who} is as fast as before"),
            FaultKind::SlowLink { .. } => format!("the links of {who} are as fast as before"),
            FaultKind::ConnectionLoss { .. } => format!("connections of {who} last again"),
            FaultKind::DiskFailure { .. } => format!("{who} is given a new, empty disk"),
            // That a process starts again is told where it does.
            _ => return,
        };
        self.say(MomentKind::Fault, Weight::Plain, format!("Fault over: {what}."));
    }

    fn fault_in_words(&self, record: &FaultRecord) -> String {
        let who = &and(record.resolved.split(", ").map(str::to_owned));
        let planned = &self.world.plan().faults[record.number];
        let target = &record.target;
        let are = |one: &str, many: &str| {
            let many_ones = who.contains(" and ");
            format!("{who} {}", if many_ones { many } else { one })
        };
        match planned.fault.kind {
            FaultKind::BrokerKill
            | FaultKind::ControllerKill
            | FaultKind::RestartAll
            | FaultKind::ServiceKill => are("is killed", "are killed"),
            FaultKind::BrokerPowerCut => are("loses its power", "lose their power"),
            FaultKind::BrokerStop => are("is shut down in order", "are shut down in order"),
            FaultKind::ServiceStop => are("is asked to stop", "are asked to stop"),
            FaultKind::BrokerPause | FaultKind::ServicePause => {
                are("stands still (its process is paused)", "stand still (paused)")
            }
            FaultKind::Partition { cut } => match cut {
                Cut::Full => are("is cut off from everybody", "are cut off from everybody"),
                Cut::Inbound => format!("nothing that is sent to {who} arrives any more"),
                Cut::Outbound => format!("nothing that {who} sends arrives any more"),
                Cut::Brokers => {
                    are("is cut off from the other brokers", "are cut off from the other brokers")
                }
                Cut::Controller => {
                    are("is cut off from the controllers", "are cut off from the controllers")
                }
                Cut::Clients => {
                    are("is cut off from the services", "are cut off from the services")
                }
            },
            FaultKind::Delay { message, to, .. } => {
                let to = to.map_or_else(String::new, |to| format!(" to broker {to}"));
                let longer = span(planned.delay);
                let what = message.map_or("message".to_owned(), |kind| api_name(&kind.name()));
                format!("each {what} that {who} sends{to} takes {longer} longer")
            }
            FaultKind::SlowDisk { factor } => {
                let times = factor.numerator as f64 / factor.denominator as f64;
                format!("the disk of {who} becomes {times} times slower")
            }
            FaultKind::FullDisk => format!("the disk of {who} is full"),
            FaultKind::DiskFailure { .. } => format!("a disk of {who} fails"),
            FaultKind::BitRot => format!("a batch that {who} has stored is spoiled"),
            FaultKind::SlowLink { .. } => {
                format!("each message from and to {who} takes {} longer", span(planned.delay))
            }
            FaultKind::ConnectionLoss { .. } => format!("connections of {who} break"),
            FaultKind::LeaderMove { to } => {
                let partition = target.trim_start_matches("partition:");
                match to {
                    Some(to) => format!(
                        "an administrator moves the lead of {partition} from {who} to broker {to}"
                    ),
                    None => format!(
                        "an administrator moves the lead of {partition} from {who} to its \
                         preferred leader"
                    ),
                }
            }
            FaultKind::Reassign { .. } => format!("{target} is given other replicas"),
            FaultKind::UncleanElection => {
                format!("an administrator asks for an unclean election of {target}")
            }
            FaultKind::AbortHanging { .. } => {
                format!("an administrator aborts hanging transactions of {target}")
            }
            FaultKind::AddBroker => format!("{who} joins"),
        }
    }
}

/// `write-txn-markers-answer` as `WriteTxnMarkers answer`.
pub(super) fn api_name(name: &str) -> String {
    let (request, answer) = match name.strip_suffix("-answer") {
        Some(request) => (request, " answer"),
        None => (name, ""),
    };
    let words = request.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_uppercase())
    });
    format!("{}{answer}", words.collect::<String>())
}
